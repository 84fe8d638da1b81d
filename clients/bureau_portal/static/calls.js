// Adds the calls that end while the page is open, the newest first.
const PAUSE_MS = 2000;
const rows = document.getElementById("calls"), live = document.getElementById("live");
const pause = document.getElementById("pause"), problem = document.getElementById("problem");
const most = Number(live.dataset.most);
let isPaused = false, cursor = rows.firstElementChild?.dataset.cursor ?? "0";

pause.hidden = false;
pause.addEventListener("click", () => {
  isPaused = !isPaused;
  pause.setAttribute("aria-pressed", String(isPaused));
});

for (;;) {
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  if (!isPaused && !document.hidden && !(await refresh())) break;
}

// Returns false once the session has ended.
async function refresh() {
  try {
    const answer = await fetch(`/staff/calls.json?after=${cursor}`, { redirect: "manual" });
    if (answer.type === "opaqueredirect") {
      location.reload();
      return false;
    }
    const { calls, error } = await answer.json();
    show(error ?? "");
    for (const call of calls ?? []) {
      if (BigInt(call.cursor) <= BigInt(cursor)) continue;
      cursor = call.cursor;
      rows.prepend(row(call));
    }
    while (rows.children.length > most) rows.lastElementChild.remove();
  } catch (error) {
    show(error.message);
  }
  return true;
}

function show(text) {
  problem.textContent = text;
  problem.hidden = !text;
}

function row(call) {
  const element = Object.assign(document.createElement("tr"), { className: call.kind });
  element.dataset.cursor = call.cursor;
  for (const name of ["time", "member", "method", "purpose", "outcome", "ms"]) element.append(cell(call[name]));
  const link = Object.assign(document.createElement("a"), { href: `/staff/story?id=${call.id}` });
  link.append(Object.assign(document.createElement("code"), { textContent: call.id }));
  element.append(cell(link));
  return element;
}

function cell(content) {
  const element = document.createElement("td");
  element.append(content);
  return element;
}
