// Comforts only: without JavaScript the page shows the same.
"use strict";

const make = (name, properties) => Object.assign(document.createElement(name), properties);

// A button beside everything that people copy.
for (const element of document.querySelectorAll(".copy")) {
  const button = make("button", { type: "button", className: "copy-button", textContent: "Copy" });
  button.setAttribute("aria-label", `Copy ${element.tagName === "PRE" ? "these lines" : "this value"}`);
  const text = element.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(element);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  const head = element.previousElementSibling;
  if (element.tagName === "CODE") element.after(button);
  else if (head?.tagName === "H4") head.append(button);
  else element.before(button);
}

// Tables whose columns sort.
const valueOf = (row, column) => {
  const cell = row.cells[column];
  const text = cell.dataset.sort ?? cell.textContent.trim();
  const number = Number.parseFloat(text);
  return Number.isNaN(number) ? text : number;
};
const before = (a, b) => typeof a === typeof b ? (typeof a === "number" ? a - b : a.localeCompare(b)) : typeof a === "number" ? -1 : 1;
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  if (body.rows.length < 3) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = make("button", { type: "button", textContent: head.textContent });
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].sort((a, b) => before(valueOf(a, column), valueOf(b, column)) * (up ? 1 : -1));
      body.append(...rows);
    });
    head.replaceChildren(button);
  });
}

// A filter over a long table.
for (const table of document.querySelectorAll("table[data-filter]")) {
  const rows = [...table.tBodies[0].rows];
  if (rows.length < 8) continue;
  const search = make("input", { type: "search", placeholder: "Filter by name" });
  search.setAttribute("aria-label", "Filter by name");
  const failed = make("input", { type: "checkbox" });
  const label = make("label");
  label.append(failed, " only those that failed");
  const count = make("span", { className: "muted" });
  count.setAttribute("role", "status");
  const bar = make("div", { className: "filter" });
  bar.append(search, label, count);
  const apply = () => {
    const wanted = search.value.toLowerCase();
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted) || (failed.checked && row.dataset.status !== "failed");
    }
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length}`;
  };
  search.addEventListener("input", apply);
  failed.addEventListener("change", apply);
  table.parentElement.before(bar);
}

// A link into something folded unfolds it; a printed page has everything unfolded.
const unfold = () => {
  const target = document.getElementById(location.hash.slice(1));
  for (const details of target?.querySelectorAll("details.all") ?? []) details.open = true;
  target?.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
addEventListener("afterprint", () => { for (const details of folded) details.open = false; });
