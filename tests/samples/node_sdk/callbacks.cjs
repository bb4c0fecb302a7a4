// The vendor's Node SDK (@sinch/sdk-core) verifies callbacks and reads them. `make node-sdk` installs it here.
// Standard input: JSON, a list of {secret, headers, body}. Prints a list of {valid, event}; what was not signed is not read.
const { NumbersCallbackWebhooks } = require("@sinch/sdk-core");

const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const found = given.map(({ secret, headers, body }) => {
  const webhooks = new NumbersCallbackWebhooks(secret);
  const valid = webhooks.validateAuthenticationHeader(headers, body, "/callbacks", "POST");
  return { valid, event: valid ? webhooks.parseEvent(body) : null };
});
console.log(JSON.stringify(found));
