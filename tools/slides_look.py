"""How a deck of slides looks, is moved by keys, and is printed."""

KEYS = (
    "Forward: <kbd>→</kbd>, <kbd>Page Down</kbd> or <kbd>Space</kbd>. Back: <kbd>←</kbd> or <kbd>Page Up</kbd>. "
    "First and last: <kbd>Home</kbd>, <kbd>End</kbd>. Full screen: <kbd>F</kbd>. Print for a handout, a slide a page."
)

CSS = """
:root { color-scheme: light }
html { scroll-snap-type: y mandatory }
body { margin: 0; background: #fff; color: #1a1a1a; font-family: system-ui, "Segoe UI", "Liberation Sans", sans-serif }
section { box-sizing: border-box; height: 100vh; padding: 3vh 5vw 2vh; display: flex; flex-direction: column;
  scroll-snap-align: start; overflow: auto }
section > div { flex: 1; min-height: 0; display: flex; flex-direction: column; justify-content: safe center }
h1 { font-size: clamp(28px, 6vh, 64px); margin: 4vh 0 0 }
h2 { font-size: clamp(18px, 3.4vh, 34px); font-weight: 600; line-height: 1.3; margin: 0 0 1vh }
p, li { font-size: clamp(17px, 3.2vh, 32px); line-height: 1.4; margin: 0 0 1.6vh; max-width: 46em }
figure { flex: 1; min-height: 0; margin: 0; display: flex; justify-content: center; align-items: center }
img { max-width: 100%; max-height: 100%; width: 100%; height: 100%; object-fit: contain }
kbd { border: 1px solid #6b7280; border-radius: 4px; padding: 0 0.3em; font-size: 0.9em }
.decks { columns: 2; column-gap: 3em; max-width: none }
.decks li { break-inside: avoid }
.keys, footer { font-size: clamp(13px, 1.9vh, 18px); color: #4b5563; max-width: none }
footer { padding-top: 1vh }
footer a { color: inherit }
@media print {
  @page { size: A4 landscape; margin: 10mm }
  html { scroll-snap-type: none }
  section { height: 188mm; padding: 0; break-after: page; break-inside: avoid; overflow: hidden }
  section:last-of-type { break-after: auto }
  h1 { font-size: 30pt }
  h2 { font-size: 16pt }
  p, li { font-size: 15pt }
  footer { font-size: 9pt }
  .keys { display: none }
}
"""

SCRIPT = """
const slides = [...document.querySelectorAll("section")];
const shown = () => Math.round(scrollY / innerHeight);
const go = i => location.replace("#s" + (Math.max(0, Math.min(slides.length - 1, i)) + 1));
const keys = {
  ArrowRight: () => shown() + 1, ArrowDown: () => shown() + 1, PageDown: () => shown() + 1,
  ArrowLeft: () => shown() - 1, ArrowUp: () => shown() - 1, PageUp: () => shown() - 1,
  Home: () => 0, End: () => slides.length - 1,
};
addEventListener("keydown", event => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const step = event.key === " " ? () => shown() + (event.shiftKey ? -1 : 1) : keys[event.key];
  if (step) { event.preventDefault(); go(step()); }
  if (event.key === "f" && document.fullscreenEnabled) {
    document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  }
});
"""
