// Text, code, pictures and explorers as large as their slide has room for; pictures at most twice their natural size.
(() => {
  // sizes of text and code in pixels (88 characters of code fill a slide at 22), and the least scale of the pictures
  const LEVELS = [[26, 22, 1.4], [24, 22, 1.4], [22, 20, 1.1], [20, 18, 1.1], [20, 17, 1.1], [18, 16, 1.1]];
  const LETTER = 0.603; // the width of a letter of code, as a part of its size
  const BOTTOM = 16; // pixels kept free below

  const bottom = (slide) => Math.max(...[...slide.children].map((child) => child.offsetTop + child.offsetHeight));

  // The largest size of code at which no line wraps.
  function largestCode(slide) {
    const sizes = [...slide.querySelectorAll(".jp-InputArea pre")].map((code) => {
      const longest = Math.max(...code.textContent.split("\n").map((line) => line.trimEnd().length));
      const { paddingLeft, paddingRight } = getComputedStyle(code);
      return (code.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)) / (LETTER * longest);
    });
    return Math.min(...sizes);
  }

  function fit(slide) {
    const pictures = [...slide.querySelectorAll("img")].filter((image) => image.naturalWidth && image.checkVisibility());
    const hosts = [...slide.querySelectorAll("[data-explorer]")].filter((host) => host.shadowRoot);
    const explorers = hosts.filter((host) => host.shadowRoot.querySelector(".box"));
    const questions = hosts.filter((host) => !explorers.includes(host));
    const height = Reveal.getConfig().height - BOTTOM;
    const buttons = [...document.querySelectorAll(".controls button, .slide-number")].map((e) => e.getBoundingClientRect());
    const hides = (image, button) => {
      const box = image.getBoundingClientRect();
      return box.right > button.left && box.left < button.right && box.bottom > button.top && box.top < button.bottom;
    };
    const fits = (scale) => {
      for (const image of pictures) {
        image.style.width = `${scale * (image.getAttribute("width") ?? image.naturalWidth)}px`;
      }
      for (const host of explorers) host.style.zoom = Math.min(1.6, Math.max(1, scale));
      return bottom(slide) <= height && !pictures.some((image) => buttons.some((button) => hides(image, button)));
    };
    const largest = (from, to) => {
      while (to - from > 0.01) {
        const middle = (from + to) / 2;
        if (fits(middle)) from = middle;
        else to = middle;
      }
      fits(from);
    };
    const unwrapped = largestCode(slide);
    for (const [text, code, scale] of LEVELS) {
      slide.style.setProperty("--jp-content-font-size1", `${text}px`);
      slide.style.setProperty("--jp-code-font-size", `${Math.max(Math.min(code, Math.floor(unwrapped)), LEVELS.at(-1)[1])}px`);
      for (const host of questions) host.style.zoom = text / 15;
      if (fits(scale)) return fits(2) || largest(scale, 2);
    }
    largest(0.3, LEVELS.at(-1)[2]);
  }

  let waiting = false;
  const later = () => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; fit(Reveal.getCurrentSlide()); });
    waiting = true;
  };
  const watch = new ResizeObserver(later); // formulas are set, folds open, explorers draw
  const show = ({ currentSlide }) => {
    watch.disconnect();
    fit(currentSlide);
    for (const child of currentSlide.children) watch.observe(child);
  };
  Reveal.on("ready", show);
  Reveal.on("slidechanged", show);
  Reveal.on("pdf-ready", () => Reveal.getSlides().forEach(fit));
  addEventListener("load", later);
})();
