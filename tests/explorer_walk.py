"""What is alive in a page is moved by keyboard: the walks through the book and the decks share it."""

STATE = """host => [...host.shadowRoot.querySelectorAll(".stage, p[role=status]")].map((part) => part.innerHTML
  + [...part.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL())).join()"""


def move_explorers(page, show=lambda host: None) -> int:
    """Change each explorer's first control and answer each question; return how many there were.

    Args:
        show: called with each one before it is moved, to bring its slide to the front.
    """
    hosts = page.locator("[data-explorer]").element_handles()
    for host in hosts:
        page.wait_for_function("host => host.shadowRoot?.querySelector('.box, form')", arg=host)
        show(host)
        control = host.evaluate_handle("host => host.shadowRoot.querySelector('input, select')").as_element()
        control.focus()
        name, before = host.get_attribute("data-explorer"), host.evaluate(STATE)
        if control.get_attribute("type") == "radio":
            control.press("Space")
        elif control.get_attribute("type") == "text":
            control.press("End")
            control.press("Backspace")
        else:
            at_end = control.evaluate("e => e.type === 'range' && Number(e.value) >= Number(e.max)")
            control.press("ArrowLeft" if at_end else "ArrowDown" if not control.get_attribute("type") else "ArrowRight")
        assert host.evaluate(STATE) != before, f"{name} does not answer"
    return len(hosts)
