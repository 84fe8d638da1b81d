// Signs for one exchange, turn after turn. A request to read is signed at once; anything else is
// shown first, and signed when the person presses the button.
import { fromBase64, sign } from "./keys.js";
import { hex, open } from "./statement.js";

const section = document.getElementById("statement");
const { ticket, csrf, key } = section.dataset;

try {
  const tables = await (await fetch("/statements.json")).json();
  let turn = { message: section.dataset.message };
  while (turn.message) {
    const bytes = fromBase64(turn.message);
    const statement = open(bytes, tables);
    if (!statement.reads) await confirmed(statement, bytes);
    turn = await post(await sign(key, bytes));
  }
  location.replace(turn.location);
} catch (error) {
  console.error(error);
  document.getElementById("reading").hidden = true;
  document.getElementById("unable").hidden = false;
  section.hidden = true;
}

async function confirmed(statement, bytes) {
  document.getElementById("reading").hidden = true;
  document.getElementById("statement-name").textContent = statement.title;
  document.getElementById("fields").replaceChildren(...statement.rows.flatMap(({ label, text }) => [
    element("dt", label), element("dd", text),
  ]));
  document.getElementById("digest").textContent = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  section.hidden = false;
  const button = document.getElementById("do-sign");
  button.disabled = false;
  await new Promise((resolve) => button.addEventListener("click", resolve, { once: true }));
  button.disabled = true;
}

async function post(signature) {
  const answer = await fetch(`/sign/${ticket}`, { method: "POST", body: new URLSearchParams({ csrf, signature }) });
  if (!answer.ok) throw new Error(`the portal answered ${answer.status}`);
  return answer.json();
}

function element(name, text) {
  return Object.assign(document.createElement(name), { textContent: text });
}
