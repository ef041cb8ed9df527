"use strict";
(() => {
  document.documentElement.classList.add("scripted");

  const told = document.createElement("p");
  told.className = "hidden";
  told.setAttribute("role", "status");
  document.querySelector("main").append(told);
  const tell = (words) => { told.textContent = words; };

  const button = (name, words) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = name;
    made.textContent = words;
    return made;
  };

  // Where the browser lends no clipboard to a file, the text is left selected.
  const copied = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      getSelection().selectAllChildren(code);
      return document.execCommand("copy");
    }
  };
  for (const code of document.querySelectorAll("[data-copy] code")) {
    const made = button("copy", "Copy");
    made.setAttribute("aria-label", `Copy: ${code.textContent.slice(0, 60)}`);
    made.addEventListener("click", async () => {
      const done = await copied(code);
      made.textContent = done ? "Copied" : "Selected";
      tell(done ? "Copied." : "Selected. Copy it by the keyboard.");
      setTimeout(() => { made.textContent = "Copy"; }, 2000);
    });
    code.closest("[data-copy]").append(made);
  }

  const order = new Intl.Collator("en");
  const number = (cell) => {
    const found = Number.parseFloat(cell.textContent);
    return Number.isNaN(found) ? Number.NEGATIVE_INFINITY : found;
  };
  const sort = (table, head, column) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const isNumber = head.classList.contains("n");
    const body = table.tBodies[0];
    const rows = [...body.rows];
    rows.sort((one, other) => {
      const [a, b] = [one.cells[column], other.cells[column]];
      const by = isNumber ? number(a) - number(b) || 0 : order.compare(a.textContent, b.textContent);
      return down ? -by : by;
    });
    body.append(...rows);
    tell(`Sorted by ${head.textContent}, ${down ? "descending" : "ascending"}.`);
  };

  const filterable = (table) => {
    const label = document.createElement("label");
    label.className = "filter";
    label.textContent = "Show rows with";
    const field = document.createElement("input");
    field.type = "search";
    label.append(field);
    table.closest(".scroll").before(label);
    const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      let shown = 0;
      for (const [row, text] of rows) {
        row.hidden = !text.includes(wanted);
        shown += row.hidden ? 0 : 1;
      }
      tell(`${shown} of ${rows.length} rows`);
    });
  };

  for (const table of document.querySelectorAll("table[data-sort]")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (head.classList.contains("bar")) return;
      const made = button("sort", "");
      made.append(...head.childNodes);
      head.append(made);
      made.addEventListener("click", () => sort(table, head, column));
    });
    if (table.tBodies[0].rows.length > 20) filterable(table);
  }
})();
