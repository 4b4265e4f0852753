// From a disk, a browser lets no page read another one: then the search shows titles without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// The sheet of lecture 6 and its network come when somebody opens the fold. From a disk they cannot.
document.addEventListener("DOMContentLoaded", () => {
  for (const fold of document.querySelectorAll("details.sheet")) {
    fold.addEventListener("toggle", () => {
      const frame = fold.querySelector("iframe");
      if (location.protocol !== "file:") frame.src ||= frame.dataset.src;
      else frame?.replaceWith("Not from a disk: a web server has to send this page, python -m http.server for instance.");
    });
  }
});
