// Package message fits texts into the fields of the Kubernetes API that people read.
//
// Job: cut a text to the limit of its field, on the boundary of a rune. Inputs: texts, also those
// of proxies and users. Outputs: valid UTF-8. Ownership: pure functions.
package message

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of the API server. An object with a longer text is rejected as a whole.
const (
	MaxConditionBytes = 32768 // metav1.Condition, in characters
	MaxNoteBytes      = 1024  // note of an events.k8s.io Event
)

const ellipsis = " ..."

// maxQuoted bounds how much of a value a message repeats, in bytes.
const maxQuoted = 80

// Quote shows a value of the user in a message.
func Quote(value string) string {
	if len(value) <= maxQuoted {
		return strconv.Quote(value)
	}
	end := maxQuoted
	for end > 0 && !utf8.RuneStart(value[end]) {
		end--
	}
	return strconv.Quote(value[:end]) + "..."
}

// Condition returns the message of a condition as the API server returns it. Bytes that are not
// UTF-8 would come back as others, and the status would be written again for ever.
func Condition(text string) string { return Cut(text, MaxConditionBytes) }

// Note returns the note of an Event as the API server accepts it.
func Note(text string) string { return Cut(text, MaxNoteBytes) }

// Cut returns at most so many bytes of a text.
func Cut(text string, limit int) string {
	text = strings.ToValidUTF8(text, "")
	if len(text) <= limit {
		return text
	}
	end := limit - len(ellipsis)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}
