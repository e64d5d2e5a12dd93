package events

import (
	"strings"
	"unicode/utf8"
)

// maxNoteBytes is the limit of the API server for the note of an Event. A longer one is refused,
// and the recorder does not cut.
const maxNoteBytes = 1024

// cut returns the note as valid UTF-8 that the API server accepts.
func cut(note string) string {
	const ellipsis = " ..."
	note = strings.ToValidUTF8(note, "")
	if len(note) <= maxNoteBytes {
		return note
	}
	end := maxNoteBytes - len(ellipsis)
	for !utf8.RuneStart(note[end]) {
		end--
	}
	return note[:end] + ellipsis
}
