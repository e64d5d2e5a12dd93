package regex_test

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"testing"

	"github.com/kedify/inference-gateway/xds/ir/regex"
)

// TestG2Dialect: what is refused says what to write instead.
func TestG2Dialect(t *testing.T) {
	for expression, reason := range map[string]string{
		`/v[0-9]+/.*`:                 "",
		`(?i)abc`:                     "",
		`(?P<a>x)(?<b>y)`:             "",
		`(?:ä|ö)+`:                    "",
		`[\w.-]{1,63}`:                "",
		`a\x{2f}\xff`:                 "",
		``:                            "it is empty",
		`/tag/\p{Letter}+`:            `\p is not supported, because the proxy compares bytes; list the characters`,
		`\pL`:                         `\p is not supported`,
		`[ä]`:                         "write (?:ä|ö) instead of [äö]",
		`ä+`:                          "write it as (?:ä)",
		`(?i)ä`:                       "case is not ignored for 'ä'",
		`[a-`:                         "a list of characters does not end",
		`(a`:                          "a group does not end",
		`a)(b`:                        "a group ends that did not begin",
		`(?=a)`:                       "(?= is not a group that RE2 has",
		`(?P<a>x)(?P<a>y)`:            "two groups have the name a",
		`(a)\1`:                       `\ before '1' is not supported`,
		`\C`:                          `\ before 'C' is not supported`,
		`*`:                           "nothing is repeated by *",
		`a**`:                         "a repetition is repeated by *",
		`a{2}{3}`:                     "a repetition is repeated by {",
		`a{1001}`:                     "it repeats a part more than 1000 times",
		`(a{100}){11}`:                "it repeats a part more than 1000 times",
		`a{3,2}`:                      "{3,2} has the larger number first",
		`\x{100}`:                     `\x is not followed by the number of a byte`,
		"^/a$\n":                      `it has the control character '\n', which no request has`,
		"a\xff":                       "it is not valid UTF-8",
		`(a|b|cc|dd){999}`:            "its repetitions make more than 10000 instructions of it",
		strings.Repeat("(", 200):      "its groups are nested more than 100 deep",
		strings.Repeat("a", 4097):     "it is longer than 4096 bytes",
		strings.Repeat(`\w{99}`, 200): "its repetitions make more than 10000 instructions of it",
	} {
		_, err := regex.Size(expression)
		if (err == nil) != (reason == "") || err != nil && !strings.Contains(err.Error(), reason) {
			t.Errorf("Size(%.40q) = %v, want %q", expression, err, reason)
		}
	}
}

// TestX1Budget: expressions that fit one by one do not fit together, and those that are wrong take what it cost to
// see that.
func TestX1Budget(t *testing.T) {
	var budget regex.Budget
	wrong := strings.Repeat("(a|b|cc|dd){999}", 256)
	for range 1000 {
		if err := budget.Take(wrong); err == nil || errors.Is(err, regex.ErrTogether) {
			t.Fatal(err)
		}
	}
	right, count := "[a-z]{1000}", 0
	for budget.Take(right) == nil {
		count++
	}
	size, _ := regex.Size(right)
	if least := (regex.MaxTotal - 1000*len("(a|b|cc|dd){999}")) / size; count != least {
		t.Errorf("%d expressions of size %d fit, want %d", count, size, least)
	}
	if err := budget.Take("a"); !errors.Is(err, regex.ErrTogether) {
		t.Errorf("an expression after the end of the budget: %v", err)
	}
}

// FuzzSize: regexp/syntax takes what the parser takes, and the parser comes to an end.
func FuzzSize(f *testing.F) {
	for _, text := range corpus() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := regex.Size(text)
		if err != nil {
			return
		}
		if size > 2*regex.MaxSize || size < 1 {
			t.Fatalf("size %d of %q", size, text)
		}
		if _, err := syntax.Parse(text, syntax.Perl); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// hostile are texts of 4 KiB that are dear to other parsers, or to compile.
var hostile = map[string]string{
	"issue":    strings.Repeat("(a|b|cc|dd){999}", 256),
	"small":    strings.Repeat("(a|b|cc|dd){9}", 292),
	"literal":  strings.Repeat("a", 4096),
	"names":    names(),
	"flags":    strings.Repeat("(?i)", 1024),
	"ranges":   "(?i)[" + strings.Repeat(`\x{42}-\x{f0}`, 300) + "]",
	"wide":     "(?i)[" + strings.Repeat(`\x{42}-\x{1E942}`, 240) + "]",
	"unicode":  "[" + strings.Repeat(`\pL`, 1300) + "]",
	"class":    "[" + strings.Repeat("a", 4090) + "]",
	"brackets": strings.Repeat("[:", 2048),
	"groups":   strings.Repeat("(?P<", 1024),
	"braces":   strings.Repeat("{1", 2048),
	"nested":   strings.Repeat("(?:", 99) + "a" + strings.Repeat("){1}", 99),
}

func names() string {
	var text strings.Builder
	for i := 0; text.Len() < 4080; i++ {
		fmt.Fprintf(&text, "(?<%d>)", i)
	}
	return text.String()
}

// BenchmarkX1Hostile: 340 expressions of 4 KiB in one object.
func BenchmarkX1Hostile(b *testing.B) {
	for name, text := range hostile {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				var budget regex.Budget
				for range 340 {
					_ = budget.Take(text)
				}
			}
		})
	}
}
