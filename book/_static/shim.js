// Small repairs of the theme and the widgets, needed before anything else on the page runs.
(() => {
  "use strict";

  // 1. Font Awesome replaces <i> elements by pictures; a widget that still holds the <i> would stop working.
  window.FontAwesomeConfig = { autoReplaceSvg: "nest" };

  // 2. The widgets call MathJax 2 (MathJax.Hub.Queue) to set the formulas in their labels; the page has MathJax 3.
  //    Sphinx and MathJax both assign window.MathJax, so whatever they assign is given that one function.
  const Hub = {
    Queue: (...calls) => {
      const elements = calls.map((call) => call[2]).filter((element) => element instanceof Element);
      const typeset = window.MathJax.typesetPromise;
      if (typeset && elements.length) typeset(elements).catch(console.error);
    },
  };
  const withHub = (value) =>
    value && !value.Hub ? Object.defineProperty(value, "Hub", { value: Hub }) : value;
  let mathjax = withHub(window.MathJax);
  Object.defineProperty(window, "MathJax", {
    configurable: true,
    get: () => mathjax,
    set: (value) => (mathjax = withHub(value)),
  });

  // 3. What a screen reader or a tooltip says: a slider's handle gets the label beside it, a button or fold is called
  //    by the text it shows, a fold in the side bar by the page it belongs to, a label without a tooltip does not say
  //    "null", the side bar is a landmark, the bibliography is plain text (its old roles fit no reader of today), and
  //    the arguments of a signature are no list of definitions.
  const repairs = {
    ".noUi-handle:not([aria-label])": (handle) => {
      const label = handle.closest(".widget-slider")?.querySelector(".widget-label")?.textContent;
      if (label) handle.setAttribute("aria-label", label);
    },
    ".search-button-field[aria-label], summary[aria-label]:not(.has-children > details > summary)": (element) =>
      element.removeAttribute("aria-label"),
    ".has-children > details > summary:not([aria-label])": (fold) => {
      const page = fold.closest("li").querySelector("a")?.textContent.trim();
      if (page) fold.setAttribute("aria-label", `Pages of ${page}`);
    },
    "dt.sig > dl:not([role])": (list) => list.setAttribute("role", "presentation"),
    ".theme-switch[title], .widget-label[title='null']": (element) => element.removeAttribute("title"),
    ".citation-list[role], .citation[role]": (element) => element.removeAttribute("role"),
    "#pst-primary-sidebar:not([role])": (bar) => {
      bar.setAttribute("role", "navigation");
      bar.setAttribute("aria-label", "Book");
    },
  };
  const repair = () => {
    for (const [selector, mend] of Object.entries(repairs)) document.querySelectorAll(selector).forEach(mend);
  };
  new MutationObserver(repair).observe(document.documentElement, { childList: true, subtree: true });

  // 4. The theme takes the focus from a button when it is clicked. Where a key clicked it, the reader would be sent back
  //    to the top of the page, so the button gets it back, unless something else has it by then.
  document.addEventListener("click", (event) => {
    const button = event.detail === 0 && event.target.closest?.("[data-bs-toggle='tooltip']");
    if (button && document.activeElement === document.body) button.focus();
  });
})();
