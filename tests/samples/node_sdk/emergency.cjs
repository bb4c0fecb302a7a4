// The vendor's Node SDK (@sinch/numbers) calls all four emergency-address operations; a proxy in this process writes down what it sends.
// Where npm is at hand: npm install @sinch/numbers, then with the environment that `numberflow simulator` prints
//   node emergency.cjs +12025550123 OUT-FOLDER
// Prints one line of JSON for each call: its name and what the SDK made of the reply.
const fs = require("fs");
const http = require("http");
const path = require("path");
const { NumbersService } = require("@sinch/numbers");

const [phoneNumber, out] = process.argv.slice(2);
const target = new URL(process.env.SINCH_NUMBERS_URL);
let name = "";

const proxy = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const kept = Object.entries(request.headers).filter(([key]) => !["authorization", "host", "connection", "user-agent"].includes(key));
    const head = [`${request.method} ${request.url} HTTP/1.1`, ...kept.map(([key, value]) => `${key}: ${value}`)].join("\r\n");
    fs.writeFileSync(path.join(out, `${name}.http`), Buffer.concat([Buffer.from(`${head}\r\n\r\n`), body]));
    const headers = { ...request.headers, host: target.host };
    const passed = http.request({ host: target.hostname, port: target.port, method: request.method, path: target.pathname + request.url, headers }, (reply) => {
      response.writeHead(reply.statusCode, reply.headers);
      reply.pipe(response);
    });
    passed.end(body);
  });
});

proxy.listen(0, "127.0.0.1", async () => {
  const numbers = new NumbersService({
    projectId: process.env.SINCH_PROJECT_ID,
    keyId: process.env.SINCH_KEY_ID,
    keySecret: process.env.SINCH_KEY_SECRET,
    authHostname: process.env.SINCH_AUTH_URL,
    numbersHostname: `http://127.0.0.1:${proxy.address().port}`,
  });
  const address = { streetNumber: "1040", streetInfo: "Crown Pointe Parkway NE", city: "Atlanta", state: "GA", postalCode: "30338" };
  const emergencyAddressRequestBody = { displayName: "Example Office", address };
  const api = numbers.activeNumber;
  const calls = {
    validate: () => api.validateEmergencyAddress({ phoneNumber, emergencyAddressRequestBody }),
    provision: () => api.provisionEmergencyAddress({ phoneNumber, emergencyAddressRequestBody }),
    get: () => api.getEmergencyAddress({ phoneNumber }),
    deprovision: () => api.deprovisionEmergencyAddress({ phoneNumber }),
  };
  try {
    for (name of Object.keys(calls)) {
      console.log(JSON.stringify({ call: name, result: (await calls[name]()) ?? null }));
    }
  } finally {
    proxy.close();
  }
});
