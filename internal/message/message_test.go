package message

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCondition(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain":     {"a ü", "a ü"},
		"not UTF-8": {"a\xffb", "ab"},
		"limit":     {strings.Repeat("a", 32768), strings.Repeat("a", 32768)},
		"too long":  {strings.Repeat("a", 32769), strings.Repeat("a", 32764) + " ..."},
		"cut rune":  {strings.Repeat("a", 32763) + "üüü", strings.Repeat("a", 32763) + " ..."},
	} {
		if got := Condition(c.text); got != c.want {
			t.Errorf("%s: %d bytes ending in %q", name, len(got), got[max(0, len(got)-8):])
		}
	}
}

// A long value is shown in part, never with half a letter.
func TestQuote(t *testing.T) {
	if got := Quote(`a"b`); got != `"a\"b"` {
		t.Errorf("Quote = %s", got)
	}
	for shift := range 4 {
		got := Quote(strings.Repeat("a", shift) + strings.Repeat("é", 100))
		if !utf8.ValidString(got) || strings.Contains(got, `\x`) || len(got) > maxQuoted+5 || !strings.HasSuffix(got, `"...`) {
			t.Errorf("Quote = %s", got)
		}
	}
	if got := Quote(strings.Repeat("\xbf", 200)); got != `""...` {
		t.Errorf("Quote of no text = %s", got)
	}
}

func FuzzNote(f *testing.F) {
	f.Add(strings.Repeat("漢", 500))
	f.Add("x\xff" + strings.Repeat("🙂", 300))
	f.Fuzz(func(t *testing.T, text string) {
		got, valid := Note(text), strings.ToValidUTF8(text, "")
		if len(got) > MaxNoteBytes || !utf8.ValidString(got) {
			t.Fatalf("%d bytes %q", len(got), got)
		}
		if len(valid) <= MaxNoteBytes {
			if got != valid {
				t.Fatalf("%q became %q", valid, got)
			}
			return
		}
		whole, short := strings.CutSuffix(got, " ...")
		if !short || !strings.HasPrefix(valid, whole) || len(got) < MaxNoteBytes-utf8.UTFMax {
			t.Fatalf("%d bytes became %d: %q", len(valid), len(got), got)
		}
	})
}
