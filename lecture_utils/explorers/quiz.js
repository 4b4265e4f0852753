// The radio buttons of quiz(), made of its text: a reply is shown as soon as an option is chosen.

export function render(host) {
  const question = host.querySelector("p").innerHTML;
  const options = [...host.querySelectorAll(":scope > ul > li")].map((item) => item.innerHTML);
  const replies = [...host.querySelectorAll("details li")].map((item, i) => item.innerHTML.slice(`${options[i]}: `.length));
  const root = host.attachShadow({ mode: "open" });
  const items = options.map((option, i) => `<label><input type="radio" name="option" value="${i}"> ${option}</label>`);
  root.innerHTML = `<style>
      :host { display: block; margin: 8px 0; }
      form { font-size: 15px; line-height: 1.4; text-align: left; accent-color: #0072B2; }
      fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
      legend { padding: 0; }
      label { display: block; padding: 4px; }
      label:focus-within { outline: 2px solid; }
      p { margin: 4px; min-height: 1.4em; }
    </style>
    <form><fieldset><legend>${question}</legend>${items.join("")}</fieldset><p role="status"></p></form>`;
  if (host.closest(".reveal")) host.style.zoom = 1.3; // on a slide, which is read from afar
  const form = root.querySelector("form");
  form.onchange = (event) => { root.querySelector("p").innerHTML = replies[event.target.value]; };
  form.onsubmit = () => false; // the Enter key must not load a page
  form.onkeydown = (event) => {
    // Arrow keys and space choose an option here; a notebook or a deck must not move.
    if (/^Arrow|^ $/.test(event.key)) event.stopPropagation();
  };
}
