// From a disk, a browser lets no page read another one: then the search shows titles without excerpts.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// Nor does it let a page load the network of lecture 6.
document.addEventListener("DOMContentLoaded", () => {
  if (location.protocol !== "file:") return;
  for (const frame of document.querySelectorAll("details.sheet iframe")) {
    frame.replaceWith("Not from a disk: a web server has to send this page, python -m http.server for instance.");
  }
});
