// Lists the keys of this browser, and signs in with the chosen one.
import { all, forget, isAble } from "./keys.js";

const form = document.getElementById("sign-in");
const able = await isAble();
document.getElementById("unable").hidden = able;
const keys = able ? await all() : [];
document.getElementById("no-keys").hidden = !able || keys.length > 0;
form.hidden = keys.length === 0;
form.elements.subject_id.replaceChildren(...keys.map(({ subjectId, publicKey }) => {
  const option = Object.assign(document.createElement("option"), { value: subjectId, textContent: subjectId });
  option.dataset.key = publicKey;
  return option;
}));
const chosen = () => form.elements.subject_id.selectedOptions[0].dataset.key;
form.addEventListener("submit", () => { form.elements.public_key.value = chosen(); });
document.getElementById("forget").addEventListener("click", async (event) => {
  if (!confirm(event.target.dataset.question)) return;
  await forget(chosen());
  location.reload();
});
