// Brings a wallet's key into this browser, or makes a new one.
import { bring, generate, isAble } from "./keys.js";

const ID = /^[0-9a-f]{32}$/;
const problem = document.getElementById("problem");
document.getElementById("unable").hidden = await isAble();

document.getElementById("bring").addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  const [settings, pem] = await Promise.all(["settings", "pem"].map((id) => document.getElementById(id).files[0].text()));
  try {
    const id = JSON.parse(settings).subject_id;
    if (!ID.test(id)) throw new Error(problem.dataset.badId);
    if (pem.includes("ENCRYPTED")) throw new Error(problem.dataset.locked);
    await bring(id, pem).catch(() => { throw new Error(problem.dataset.badFile); });
    location.assign("/");
  } catch (error) {
    problem.textContent = error instanceof SyntaxError ? problem.dataset.badFile : error.message;
    problem.hidden = false;
  }
});

const make = document.getElementById("make");
make.addEventListener("submit", async (event) => {
  event.preventDefault();
  // The page on which the browser signs finds the key by its public half.
  make.elements.public_key.value = await generate(make.elements.subject_id.value);
  make.submit();
});
