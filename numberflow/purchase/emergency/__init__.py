"""Emergency addresses: who lacks one, attach it, remove it; numbers that were left without one."""
