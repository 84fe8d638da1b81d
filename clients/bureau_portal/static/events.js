// The buttons that verify an entry of the log in this browser.
import { verify } from "./proof.js";

const { words, failed } = (({ words, failed }) => ({ words: JSON.parse(words), failed }))(
  document.getElementById("events").dataset,
);
const logKey = document.getElementById("log-key").textContent;

for (const button of document.querySelectorAll("button[data-entry]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const list = document.getElementById(button.getAttribute("aria-controls"));
    try {
      const steps = await verify(JSON.parse(button.dataset.entry), logKey);
      list.replaceChildren(...steps.map((step, index) => item(words[index], step)));
      list.className = "steps good";
    } catch (error) {
      list.replaceChildren(item(failed, error.message));
      list.className = "steps bad";
    }
  });
}

function item(text, value) {
  const element = Object.assign(document.createElement("li"), { textContent: `${text} ` });
  element.append(Object.assign(document.createElement("code"), { textContent: value }));
  return element;
}
