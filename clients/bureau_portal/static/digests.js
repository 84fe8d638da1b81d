// Hashes the documents of a dispute here: the person keeps them, the dispute has their SHA-256.
import { hex } from "./statement.js";

for (const input of document.querySelectorAll("input[data-digests]")) {
  input.addEventListener("change", async () => {
    const digests = await Promise.all(Array.from(input.files, async (file) =>
      hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())))));
    document.getElementById(input.dataset.digests).value = digests.join(" ");
  });
}
