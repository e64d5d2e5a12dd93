// Package check refuses what a proxy would refuse, before it is sent.
//
// Job: decide whether one text of a user can be rendered. Inputs: strings. Outputs: an error
// fit for a status message. The package imports the standard library alone. Ownership: no
// state.
//
// A proxy rejects a whole resource for one bad text and names nothing in its answer, so the
// object that holds the text must learn about it earlier, from here.
package check

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxHeaderBytes is the limit of Envoy's HeaderValue for names and values.
const maxHeaderBytes = 16384

// HeaderName says whether a name may be compared or removed (RFC 9110 5.1).
func HeaderName(name string) error {
	if name == "" {
		return errors.New("header name is empty")
	}
	if len(name) > maxHeaderBytes {
		return fmt.Errorf("header name is longer than %d bytes", maxHeaderBytes)
	}
	for i := 0; i < len(name); i++ {
		if !tokenByte(name[i]) {
			return fmt.Errorf("header name %q has the invalid character %q", name, name[i])
		}
	}
	return nil
}

// Header says whether a header may be set or added. Host is no header to set: HTTP/2 has
// another field for it, and a proxy rewrites it apart (URLRewrite).
func Header(name, value string) error {
	if err := HeaderName(name); err != nil {
		return err
	}
	if strings.EqualFold(name, "host") {
		return errors.New("header Host cannot be set: use the hostname of a URLRewrite filter")
	}
	return HeaderValue(value)
}

// HeaderValue says whether a value can travel in a header (RFC 9110 5.5).
func HeaderValue(value string) error {
	if len(value) > maxHeaderBytes {
		return fmt.Errorf("header value is longer than %d bytes", maxHeaderBytes)
	}
	if !utf8.ValidString(value) {
		return errors.New("header value is not valid UTF-8")
	}
	if i := strings.IndexAny(value, "\x00\r\n"); i >= 0 {
		return fmt.Errorf("header value has the invalid character %q", value[i])
	}
	return nil
}

// Path says whether a path can be compared with, or put into, that of a request: absolute,
// without query and fragment.
func Path(path string) error {
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("path %q does not start with a slash", path)
	}
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		return fmt.Errorf("path %q has the invalid character %q", path, path[i])
	}
	return HeaderValue(path)
}

func tokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	default:
		return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
	}
}
