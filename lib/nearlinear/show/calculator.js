// The calculator of the chapter on counting: adds up the terms it is given, for the sizes in its form.
(root) => {
  "use strict";
  const { terms, models } = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const field = (name) => root.querySelector(`[name='${name}']`);
  const status = root.querySelector("[role=status]");

  const whole = ["L", "d", "h", "V", "f", "P", "T"];
  const words = ["mlp", "norm", "positions", "head", "sees"];

  // A decoder's token sees half of the others on average, itself included.
  const sizes = () => {
    const size = Object.fromEntries([...whole, "share"].map((name) => [name, Number(field(name).value)]));
    const word = Object.fromEntries(words.map((name) => [name, field(name).value]));
    return Object.assign(size, {
      g: word.mlp === "gated" ? size.f / 2 : size.f,
      p: word.positions === "learned" ? size.P : 0,
      U: word.head === "tied" ? 0 : size.V,
      k: word.sees === "past" ? (size.T + 1) / 2 : size.T,
      W: (size.V * size.share) / 100,
      m: { rms: 1, layer: 2, none: 0 }[word.norm],
      a: 3, // shaped attention
      e: 0, // gains of values and projections stay as they are
    });
  };

  const wrong = (size) => {
    const bad = whole.find((name) => !Number.isInteger(size[name]) || size[name] < 1);
    if (bad) return `${field(bad).labels[0].textContent.trim()}: give a whole number of 1 or more.`;
    if (!(size.share >= 0 && size.share <= 100)) return "Logits: give a share from 0 to 100 %.";
    if (size.d % size.h) return `Width ${size.d} is not divisible by ${size.h} heads: every head needs the same width.`;
    if (!Number.isInteger(size.g)) return `A gated MLP halves its width, and ${size.f} is odd: give an even one.`;
    return "";
  };

  const noted = (size) =>
    size.p && size.T > size.P ? `The model has ${size.P} learned positions: it cannot read ${size.T} tokens.` : "";

  const sum = (list, size) =>
    list.reduce((total, [factor, letters]) => total + [...letters].reduce((part, letter) => part * size[letter], factor), 0);

  const said = (value, digits) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace(/^-(?=[0.]*$)/, "").replace("-", "−");

  const row = (block, size) => {
    const [ours, theirs] = [terms[block], terms["pre-ln"]];
    const parameters = sum(ours.parameters, size);
    const forward = sum(ours.forward, size);
    const cache = (list, there) => (list && there ? said((2 * sum(list, size)) / 1e6, 2) : "–");
    const decoder = field("sees").value === "past";
    return {
      parameters: said(parameters, 0),
      beside: `${said(100 * (parameters / sum(theirs.parameters, size) - 1), 1)} %`,
      forward: said(forward / 1e6, 2),
      training: said((3 * forward) / 1e6, 2),
      ceiling: said(sum(theirs.forward, size) / forward, 3),
      cache: cache(ours.cache, decoder),
      half: cache(ours.half, decoder && field("positions").value !== "rope"), // rope turns each key by its own angle
    };
  };

  const show = () => {
    const size = sizes();
    const problem = wrong(size);
    status.textContent = problem || noted(size);
    for (const line of root.querySelectorAll("tr[data-block]")) {
      const found = problem ? {} : row(line.dataset.block, size);
      for (const cell of line.querySelectorAll("td")) cell.textContent = found[cell.dataset.column] ?? "–";
    }
  };

  const take = (name) => {
    for (const [key, value] of Object.entries(models[name])) field(key).value = value;
  };

  field("model").addEventListener("change", (event) => {
    if (event.target.value) take(event.target.value);
  });
  root.addEventListener("input", (event) => {
    if (event.target !== field("model")) field("model").value = "";
    show();
  });
  root.addEventListener("change", show);
  root.querySelector("fieldset").disabled = false;
  show();
}
