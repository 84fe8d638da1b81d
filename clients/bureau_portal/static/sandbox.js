// Brings the key of a made-up person of a sandbox into this browser, and signs in with it.
import { bring, isAble } from "./keys.js";

const problem = document.getElementById("problem");
document.getElementById("unable").hidden = await isAble();

for (const form of document.querySelectorAll("form[data-wallet]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const body = new URLSearchParams({ csrf: form.elements.csrf.value });
      const answer = await fetch(form.dataset.wallet, { method: "POST", body });
      if (!answer.ok) throw new Error(`the portal answered ${answer.status}`);
      const { subject_id: subjectId, pem } = await answer.json();
      form.elements.subject_id.value = subjectId;
      form.elements.public_key.value = await bring(subjectId, pem);
      form.submit();
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  });
}
