package publish

import (
	"regexp"
	"strings"
)

// Envoy puts the offending resource, as protobuf's text format, into many of its error details: a
// table of routes with the hosts and headers of all tenants in it. The detail goes to the owners of
// single objects, so only the reason is kept.
const (
	textField = `(?:\w+|\[[\w./-]+\])`
	textValue = `(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\[REDACTED\]|[\w.+-]+)`
	textItem  = `(?:\}|` + textField + ` ?\{|` + textField + `: ` + textValue + `)`
)

var (
	// dumpMark is how protobuf marks its text format. Which of the marks it takes varies.
	dumpMark  = regexp.MustCompile(`goo\.gle/debug\w*`)
	dumpItems = regexp.MustCompile(`^(?:\s*` + textItem + `)*\s*`)
	// unmarkedDump is the text format of older versions, which is the end of the detail.
	unmarkedDump = regexp.MustCompile(`:\s+` + textItem + `(?:\s+` + textItem + `)+\s*$`)
)

// rejectionReason returns the detail of a NACK without the resources in it.
func rejectionReason(detail string) string {
	var parts []string
	for {
		mark := dumpMark.FindStringIndex(detail)
		if mark == nil {
			break
		}
		parts = append(parts, detail[:mark[0]])
		detail = afterDump(detail[mark[1]:])
	}
	if at := unmarkedDump.FindStringIndex(detail); at != nil {
		detail = detail[:at[0]]
	}
	var kept []string
	for _, part := range append(parts, detail) {
		if part = strings.Trim(part, ": \t\r\n"); part != "" {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return "Envoy gave no reason"
	}
	return strings.Join(kept, ": ")
}

// afterDump returns what follows a marked dump: nothing, or a line that begins with a colon. What
// is neither belongs to a dump in a form that is not known here.
func afterDump(text string) string {
	text = text[len(dumpItems.FindString(text)):]
	if text == "" || strings.HasPrefix(text, ":") {
		return text
	}
	_, after, _ := strings.Cut(text, "\n: ")
	return after
}
