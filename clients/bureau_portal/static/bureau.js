// The button that verifies the newest checkpoint in this browser.
import { verifyCheckpoint } from "./proof.js";

const button = document.getElementById("verify"), outcome = document.getElementById("steps");
button.hidden = false;
button.addEventListener("click", async () => {
  try {
    const { origin, size } = await verifyCheckpoint(button.dataset.note, document.getElementById("log-key").textContent);
    outcome.textContent = `${outcome.dataset.good} ${origin}, ${size}`;
    outcome.className = "message good";
  } catch (error) {
    outcome.textContent = `${button.dataset.failed} ${error.message}`;
    outcome.className = "message bad";
  }
  outcome.hidden = false;
});
