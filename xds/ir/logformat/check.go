package logformat

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of a format: a line is made for each request.
const (
	MaxText   = 8 << 10 // bytes
	MaxFields = 128
	MaxName   = 128 // bytes of the name of a field
)

// command is an operator as Envoy reads it: a name, arguments, the length that a value is cut to.
var command = regexp.MustCompile(`^%([A-Z0-9_]+)(?:\(([^()\n]*)\))?(?::([0-9]+))?%`)

// maxLengthDigits of the length that a value is cut to.
const maxLengthDigits = 4

// Literal returns a text as a format.
func Literal(text string) string { return strings.ReplaceAll(text, "%", "%%") }

// Check returns why a text is no format; nil: it is one.
func Check(text string) error {
	switch {
	case text == "":
		return errors.New("is empty")
	case len(text) > MaxText:
		return fmt.Errorf("has %d bytes, more than %d", len(text), MaxText)
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return errors.New("is not a text of UTF-8")
	}
	for {
		_, rest, found := strings.Cut(text, "%")
		if !found {
			return nil
		}
		if strings.HasPrefix(rest, "%") { // "%%" is a percent sign
			text = rest[1:]
			continue
		}
		parts := command.FindStringSubmatch("%" + rest)
		if parts == nil {
			return fmt.Errorf("%q is no command operator; a percent sign is written %%%%", beginning("%"+rest))
		}
		if err := checkOperator(parts[1], parts[2], parts[3], strings.HasPrefix(rest[len(parts[1]):], "(")); err != nil {
			return fmt.Errorf("%s: %w", parts[0], err)
		}
		text = rest[len(parts[0])-1:]
	}
}

// CheckFields checks the formats of the fields of a JSON object. An error begins with the name in brackets.
func CheckFields(fields map[string]string) error {
	if len(fields) == 0 || len(fields) > MaxFields {
		return fmt.Errorf(": has %d fields; use 1 to %d", len(fields), MaxFields)
	}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name == "" || len(name) > MaxName || !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
			return fmt.Errorf("[%q]: is not a name of 1 to %d bytes", beginning(name), MaxName)
		}
		if err := Check(fields[name]); err != nil {
			return fmt.Errorf("[%q]: %w", name, err)
		}
		size += len(name) + len(fields[name])
	}
	if size > MaxText {
		return fmt.Errorf(": has %d bytes, more than %d", size, MaxText)
	}
	return nil
}

func checkOperator(name, arguments, length string, bracketed bool) error {
	o, known := operators[name]
	if reason := refused[name]; reason != "" {
		return errors.New(reason)
	}
	if !known {
		return errors.New("is not one of the command operators that may be used")
	}
	if length != "" {
		switch {
		case !o.cut:
			return errors.New("takes no length")
		case len(length) > maxLengthDigits || strings.HasPrefix(length, "0"):
			return fmt.Errorf("length %s is not 1 to 9999", length)
		}
	}
	switch {
	case o.arguments == nil && bracketed:
		return errors.New("takes no arguments")
	case o.arguments == nil, !bracketed && !o.needed:
		return nil
	case !bracketed:
		return errors.New("needs arguments: " + o.usage)
	case !o.arguments.MatchString(arguments):
		return fmt.Errorf("%q is not %s", arguments, o.usage)
	}
	return nil
}

// beginning is enough of a text to find it.
func beginning(text string) string {
	const enough = 40
	if len(text) <= enough {
		return text
	}
	return strings.ToValidUTF8(text[:enough], "") + "..."
}
