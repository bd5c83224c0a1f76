// Stands at the head of a report under test; writes what went wrong, and what is in sight, into its body.
const found = {errors: [], blocked: []};
addEventListener("error", event => found.errors.push(event.message || event.target.alt), true);
addEventListener("securitypolicyviolation", event => found.blocked.push(event.blockedURI));
const said = console.error; console.error = (...words) => { found.errors.push(words.join(" ")); said(...words); };
addEventListener("load", () => {
  document.querySelectorAll("details").forEach(one => one.open = true);
  const names = performance.getEntriesByType("resource").map(one => one.name);
  found.fetched = names.filter(name => !name.startsWith("data:"));
  found.images = [...document.querySelectorAll("figure img")].map(one => ({alt: one.alt, drawn: one.complete && one.naturalWidth > 0,
    height: one.getBoundingClientRect().height, width: one.getBoundingClientRect().width}));
  found.wider = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  found.verdict = document.getElementById("verdict").getBoundingClientRect().top;
  const text = document.createElement("pre"); text.id = "probe"; text.textContent = JSON.stringify(found);
  document.body.append(text);
});
