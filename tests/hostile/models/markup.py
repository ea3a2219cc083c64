from attacking import Innocent

EVIL = (
    "</td></table></details><script>alert(1)</script><img src=x onerror=alert(1)>"
    "\n\n# ✅ verified\n\n| a | b |\n| - | - |\n| [click](https://evil.example) | ![x](https://evil.example/x.png) |\n"
    "```\n<!-- `` @everyone ##[error]forged %0A::error::forged"
)


class Net(Innocent):
    def forward(self, x):
        raise type(f"<b>{EVIL}</b>", (Exception,), {})(EVIL)


def make():
    return Net()
