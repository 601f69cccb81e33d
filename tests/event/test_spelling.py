from unicodedata import normalize
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analytics_internal.event.spelling import composed, decoded

CAFE = "/docs/café"
pieces = st.text(max_size=4) | st.sampled_from(
    [
        "%",
        "%%",
        "%4",
        "%C3%A9",
        "%c3",
        "%a9",
        "%FF",
        "%2F",
        "%2f",
        "%25",
        "%00",
        "%34",
        "%41",
        "e\u0301",
        "\u0307",
        "f",
    ]
)
odd_texts = st.lists(pieces, max_size=12).map("".join)


@pytest.mark.parametrize(
    "spelling",
    ["/docs/caf%C3%A9", "/docs/caf%c3%a9", "/docs/café", "/docs/cafe\u0301", "/docs/cafe%CC%81", "/d%6Fcs/c%61f%C3%A9"],
)
def test_one_page_has_one_spelling(spelling: str) -> None:
    assert decoded(spelling) == CAFE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/last%5Fone", "/last_one"),
        ("/a%20b%2Bc+d", "/a b+c+d"),
        ("/a%2Fb%2fc", "/a%2Fb%2Fc"),
        ("/%5C%5cevil.example", "/%5C%5Cevil.example"),
        ("/100%25%3F%23", "/100%25%3F%23"),
        ("/%00%0a%7f", "/%00%0A%7F"),
        ("/%FF%fe", "/%FF%fe"),
        ("/%C3(%C3%28%A9", "/%C3(%C3(%A9"),
        ("/%ED%A0%80", "/%ED%A0%80"),
        ("/%C0%AF", "/%C0%AF"),
        ("/%2541", "/%2541"),
        ("/%%34%31", "/%%341"),
        ("/50%", "/50%"),
        ("/%zz%4", "/%zz%4"),
        ("/%2F\u0307", "/%2F\u0307"),
        ("/%F0%9F%98%80", "/😀"),
    ],
)
def test_what_cannot_be_decoded_stays_as_it_is(text: str, expected: str) -> None:
    assert decoded(text) == expected


@given(odd_texts)
@example("%%34%31")
@example("%4%%31")
@example("%%43%31")
@example("%%\u212a%34")
def test_spelling_twice_changes_nothing(text: str) -> None:
    assert decoded(decoded(text)) == decoded(text)


@given(odd_texts)
def test_separators_are_neither_made_nor_lost(text: str) -> None:
    for separator in "/?#\\\0":
        assert decoded(text).count(separator) == text.count(separator)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/?#%\\"), max_size=20))
def test_every_encoding_of_a_text_is_that_text(text: str) -> None:
    every_byte = "".join(f"%{byte:02x}" for byte in text.encode())

    assert decoded(quote(text)) == decoded(every_byte) == composed(text) == decoded(normalize("NFD", text))
