package regex_test

import (
	"fmt"
	"math/rand"
	"strconv"
	"strings"

	"github.com/kedify/inference-gateway/xds/ir/regex"
)

// written are expressions of people, and texts that look like ones.
var written = []string{
	``, ` `, `/`, `/v[0-9]+/.*`, `/tag/\p{Letter}+`, `/tag/\p{L}+`, `/tag/\pL+`, `\p{Greek}`, `\p{^Greek}`, `\P{Lu}`, `\p{Any}`, `\p{Latin}`,
	`\p{ASCII}`, `\p{Assigned}`, `\p{lu}`, `\p{Uppercase_Letter}`, `\p{Cn}`, `\p{LC}`, `\p{Nope}`, `\pX`, `\p`, `\p{`, `[\p{Letter}]`,
	`(?i)abc`, `(?i:abc)d`, `(?-i)a`, `(?i-s)a`, `(?i-)a`, `(?-)a`, `(?)a`, `(?:)a`, `(?x)a b`, `(?imsU)a`, `(?ii)a`, `(?i--s)a`, `(?u)a`,
	`(?i`, `a(?i)b`, `a(?i)*`,
	`(?P<name>a)`, `(?<name>a)`, `(?P<>a)`, `(?<>a)`, `(?P<n-x>a)`, `(?P<n>a)(?P<n>b)`, `(?P<n>a)(?<n>b)`, `(?P<é>a)`, `(?P=n)`, `(?P<n`,
	`(?P'n'a)`, `(?'n'a)`, `(?P<1>a)`,
	`(?=a)b`, `(?!a)b`, `(?<=a)b`, `(?<!a)b`, `(?>a)b`, `(?#comment)a`, `(?|a|b)`, `(a)\1`, `\k<n>`, `\g1`, `a++`, `a*+`, `a?+`, `a**`, `a???`,
	`a*?`, `a{2}{3}`, `a{2}*`, `a*{2}`, `a{2}?`, `a{2}??`,
	`*a`, `+`, `?`, `a|*b`, `(*a)`, `^*`, `$+`, `(^)*`, `\b+`, `|`, `a|`, `|a`, `()`, `(|)`, `a||b`, `()*`, `(a*)*`,
	`(a|b*)*`, `(?:a{0,2}){3}`,
	`{`, `}`, `{}`, `{1}`, `a{`, `a{}`, `a{1`, `a{1,`, `a{,1}`, `a{1,2`, `a{01}`, `a{1,02}`, `a{2,1}`, `a{0}`, `a{0,0}`, `a{0,}`,
	`/users/{id}`, `a{1 }`, `a{-1}`,
	`a{1000}`, `a{1001}`, `a{0,1001}`, `a{1000,}`, `a{99999999999999999999}`, `(a{100}){10}`, `(a{100}){11}`, `(a{2}){500}`, `(a{2}){501}`,
	`((a{10}){10}){10}`, `((a{10}){10}){11}`, `(?:){1001}`, `(a{1000})*`, `(a*){1000}`,
	`(a{3,}){333}`, `(a{3,}){334}`, `(a{0,3}){334}`, `(a{0,1}){1000}`, `(a?){1000}`,
	`[`, `]`, `[]`, `[]a]`, `[^]a]`, `[^]`, `[a`, `[a-`, `[a-]`, `[-a]`, `[a-z-9]`, `[z-a]`, `[a-b-c]`, `[\d-z]`, `[a-\d]`, `[[]`,
	`[[:alpha:]]`, `[[:^alpha:]]`, `[[:alpha]`, `[[:foo:]]`, `[[:alpha:][:digit:]]`, `[[=a=]]`, `[[.a.]]`, `[:alpha:]`, `[\]]`, `[\-a]`,
	`[a\]`, `[\w\W]`, `[^\w\W]`, `[^\x00-\xff]`, `[\b]`, `[\Q]\E]`, `[[:word:]-z]`,
	`\`, `a\`, `\.`, `\/`, `\-`, `\_`, `\ `, `\"`, `\'`, `\@`, `\<`, `\>`, `\A`, `\z`, `\Z`, `\G`, `\b`, `\B`, `\C`, `\C{10}`, `\Qa.b\E`,
	`\Qa.b`, `\Q\E`, `\Q\E*`, `\Qab\E+`, `\E`, `\d\D\s\S\w\W`, `\h`, `\R`, `\X`, `\N`, `\K`,
	`\a\f\n\r\t\v`, `\e`, `\cA`, `\0`, `\01`, `\012`, `\0123`, `\1`, `\12`, `\123`, `\377`, `\400`, `\777`, `\8`, `\x`, `\x4`, `\x41`,
	`\x{41}`, `\x{}`, `\x{4`, `\x{g}`, `\x{ff}`, `\x{100}`, `\x{10ffff}`, `\x{110000}`, `\x{0000000041}`, `\xff`, `\xFF`, `\u0041`,
	`\U00000041`, `\x{+1}`, `\x{-1}`,
	`é`, `é+`, `(?:é)+`, `[é]`, `[^é]`, `[à-ü]`, `(?i)é`, `(?i)straße`, `(?i)k`, `(?i)[k-s]`, `🙂`, `🙂{3}`, `日本`, "\u200b", "a\u0301",
	"\xff", "a\xc3", "[\xff]", "\xc3\xa9", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x00b", "a\nb", "a\tb", "^/a$\n", "\x7f", "[\x00-\x1f]",
	`(a|b|cc|dd){999}`, `(?:a|b|cc|dd){999}`, `.{1000}`, `[^a]{1000}`, `(?i)[a-z]{1000}`, `\w{1000}`, `(?:\w\W){500}`, `.*.*.*.*=.*`,
	`(.*)*`, `(?:(?:(?:a?)?)?)?`,
	`^/api/(v1|v2)/(?:users|teams)/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`,
	`(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}`,
	`^([a-zA-Z0-9._%+-]+)@([a-zA-Z0-9.-]+)\.([a-zA-Z]{2,})$`, `Bearer\s+[A-Za-z0-9\-._~+/]+=*`, `Mozilla/5\.0 \(.*(?:iPhone|Android).*\).*`,
	`^(?!internal).*$`, `.*(?<!\.png)$`, `(?m)^a$`, `(?s).*`, `^^^`, `$$$`, `a^b`, `a$b`,
}

// pieces are what texts are put together from, sense or none.
var pieces = []string{
	`a`, `b`, `Z`, `0`, `/`, `-`, `_`, ` `, `.`, `^`, `$`, `|`, `(`, `)`, `(?:`, `(?i)`, `(?i:`, `(?-i:`, `(?s)`, `(?P<x>`, `(?<y>`, `(?`, `[`,
	`]`, `[^`, `[a-z]`, `[^/]`, `[[:alnum:]]`, `[:`, `:]`,
	`*`, `+`, `?`, `{2}`, `{2,}`, `{2,5}`, `{,5}`, `{`, `}`, `,`, `\`, `\d`, `\W`, `\b`, `\.`, `\pL`, `\p{Lu}`, `\x41`, `\x{e9}`, `\x{100}`,
	`\n`, `\Q`, `\E`, `\1`, `\C`, `\z`, `é`, `日`, `<`, `>`, `=`, `!`, `:`,
}

// soup is a text of random pieces.
func soup(dice *rand.Rand) string {
	var text strings.Builder
	for range 1 + dice.Intn(9) {
		text.WriteString(pieces[dice.Intn(len(pieces))])
	}
	return text.String()
}

// sensible is an expression that the parser should take.
func sensible(dice *rand.Rand, depth int) string {
	pick := func(of ...string) string { return of[dice.Intn(len(of))] }
	atom := func() string {
		if depth > 0 && dice.Intn(3) == 0 {
			inner := sensible(dice, depth-1)
			return pick("(", "(?:", "(?i:", "(?-i:", "(?sU:", fmt.Sprintf("(?P<n%d>", dice.Intn(1e9)),
				fmt.Sprintf("(?<n%d>", dice.Intn(1e9))) + inner + ")"
		}
		return pick("a", "k", "S", "/", "0", ".", `\.`, `\d`, `\D`, `\w`, `\W`, `\s`, `\S`, `\b`, `\B`, "^", "$", `\x2f`,
			`\x{e9}`, `\xff`, "(?:é)", "日",
			"[a-z]", "[^/]", "[A-Za-z0-9._~-]", `[\w.-]`, `[^\s\d]`, "[[:xdigit:]-]", "[[:^punct:]]", `[\x00-\x1f]`, `[\x80-\xff]`, "[]x]", "[^]x]",
			"[acegikmoqsuwy]", "{", "}", "]")
	}
	var text strings.Builder
	for branch := range 1 + dice.Intn(3) {
		if branch > 0 {
			text.WriteString("|")
		}
		for range dice.Intn(5) {
			part := atom()
			text.WriteString(part)
			if part != "日" && part != "{" && dice.Intn(3) == 0 {
				text.WriteString(pick("*", "+", "?", "*?", "{0}", "{1}", "{3}", "{0,3}", "{2,4}?", "{2,}", "{7}"))
			}
		}
	}
	return text.String()
}

// corpus is every expression that is asked about, always the same.
func corpus() (texts []string) {
	dice := rand.New(rand.NewSource(14))
	texts = append(texts, written...)
	for c := rune(1); c < 0x80; c++ { // every escape
		texts = append(texts, `\`+string(c), `[\`+string(c)+`]`)
	}
	for range 500 {
		texts = append(texts, soup(dice))
	}
	for range 800 {
		texts = append(texts, sensible(dice, 3))
	}
	return append(texts, large()...)
}

// large are expressions of parts that are repeated as often as the parser allows, and once more.
func large() (texts []string) {
	for _, part := range []string{
		"a", "(?i:k)", ".", `\w`, `\W`, "[^/]", `[\w.-]`, "[acegikmoqsuwy]", "(?i:[acegikmoqsuwy])", "(a)", "(?:a|b|cc|dd)", "(a|b|cc|dd)",
		"(?:a?)", "(?:a*)", "(?:a+)", "()", "(?:)",
		`\b`, "^", "(?:a{2,5})", "(?:a{0,3})", "(?:(?:a|b)*c)", "(?:é)", "(?:x|é)", `[\x80-\xff]`, "(?i:stra)", "(?:[a-m][n-z])",
		"(?:^|$)", `(?:\d{1,3}\.)`,
	} {
		for times := range 1001 {
			one := fmt.Sprintf("%s{%d}", part, times)
			if !taken(one) && times > 1 {
				texts = append(texts, fmt.Sprintf("%s{%d}", part, times-1), one)
				break
			}
			if times == 1000 {
				texts = append(texts, one)
			}
		}
		for _, form := range []string{"PART{N}", "(?:PART{0,N})", "PART{N,}", "PART*"} {
			texts = append(texts, fullest(strings.Replace(form, "PART", part, 1)))
		}
	}
	return texts
}

// fullest puts a form in a row as often as the parser allows.
func fullest(form string) (text string) {
	for times := 900; times > 0; times /= 2 {
		one := strings.Replace(form, "N", strconv.Itoa(times), 1)
		for taken(text + one) {
			text += one
		}
	}
	return text
}

func taken(text string) bool {
	_, err := regex.Size(text)
	return err == nil
}
