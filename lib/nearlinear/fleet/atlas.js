// The atlas: a table that sorts by any column, and rows that light up their lines in the figures.
(root) => {
  "use strict";
  const table = root.querySelector("table");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const status = root.querySelector("[role=status]");
  const marked = new Set();
  let looked = null;

  const button = (cell, title) => {
    const made = document.createElement("button");
    made.type = "button";
    made.append(...cell.childNodes);
    if (title) made.title = title;
    cell.append(made);
    return made;
  };

  // A number where the cell has one, its words otherwise, null where it has no answer.
  const value = (row, column) => {
    const cell = row.cells[column];
    if (!("value" in cell.dataset)) return cell.textContent.trim();
    return cell.dataset.value === "" ? null : Number(cell.dataset.value);
  };

  // What has no answer comes last, whichever way.
  const order = (column, sign) => (a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (typeof x === "number" ? x - y : x.localeCompare(y, "en", { numeric: true }));
  };

  const sort = (column) => {
    const up = heads[column].getAttribute("aria-sort") !== "ascending";
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    body.append(...[...body.rows].sort(order(column, up ? 1 : -1)));
    status.textContent = `Sorted by ${heads[column].textContent.trim()}, ${up ? "ascending" : "descending"}.`;
  };

  const show = () => {
    const lit = new Set(marked);
    if (looked !== null) lit.add(looked);
    root.classList.toggle("nl-some", lit.size > 0);
    root.querySelectorAll("[data-row]").forEach((part) => part.classList.toggle("nl-on", lit.has(part.dataset.row)));
    [...body.rows].forEach((row) =>
      row.querySelector("button").setAttribute("aria-pressed", String(marked.has(row.dataset.row))));
  };

  const look = (name) => {
    looked = name;
    show();
  };

  const mark = (name) => {
    if (!marked.delete(name)) marked.add(name);
    show();
  };

  heads.forEach((head, column) => button(head).addEventListener("click", () => sort(column)));
  [...body.rows].forEach((row) =>
    button(row.cells[0], "light up in the figures").addEventListener("click", () => mark(row.dataset.row)));
  root.querySelectorAll("svg [data-row]").forEach((part) =>
    part.addEventListener("click", () => mark(part.dataset.row)));
  root.querySelectorAll("[data-row]").forEach((part) => {
    part.addEventListener("pointerenter", () => look(part.dataset.row));
    part.addEventListener("pointerleave", () => look(null));
  });
  body.addEventListener("focusin", (event) => look(event.target.closest("tr").dataset.row));
  body.addEventListener("focusout", () => look(null));
  root.classList.add("nl-live");
  show();
}
