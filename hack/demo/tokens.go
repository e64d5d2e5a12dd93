package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readTokens reads a streamed answer to its end and hands over each token when it arrives.
func readTokens(body io.Reader, each func(token string)) error {
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		data, isEvent := strings.CutPrefix(lines.Text(), "data: ")
		if !isEvent {
			continue
		}
		if data == "[DONE]" {
			return nil
		}
		var event struct {
			Choices []struct {
				Delta struct{ Content string }
			}
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			return fmt.Errorf("event %q: %w", data, err)
		}
		for _, choice := range event.Choices {
			if choice.Delta.Content != "" {
				each(choice.Delta.Content)
			}
		}
	}
	return errors.Join(lines.Err(), errors.New("the stream ended before [DONE]"))
}
