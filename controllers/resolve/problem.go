package resolve

import (
	"fmt"
	"strings"
)

// Problem is why something is not as the user asked. The zero value means that all is well.
type Problem struct {
	Reason  string
	Message string
}

// Problemf returns a problem with a formatted message.
func Problemf[R ~string](reason R, format string, args ...any) Problem {
	return Problem{Reason: string(reason), Message: fmt.Sprintf(format, args...)}
}

// None reports whether all is well.
func (p Problem) None() bool { return p.Reason == "" }

// Sentence ends a text of others with a full stop.
func Sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// maxMessages bounds how many problems a condition lists.
const maxMessages = 8

// JoinMessages makes one message of several, in their order, each once.
func JoinMessages(problems []Problem) string {
	var texts []string
	seen := map[string]bool{}
	for _, problem := range problems {
		if !seen[problem.Message] {
			seen[problem.Message] = true
			texts = append(texts, problem.Message)
		}
	}
	if more := len(texts) - maxMessages; more > 0 {
		texts = append(texts[:maxMessages], fmt.Sprintf("And %d more.", more))
	}
	return strings.Join(texts, " ")
}
