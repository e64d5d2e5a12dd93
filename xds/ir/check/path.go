package check

import "strings"

// NormalPath returns a valid path in the form in which the proxy compares it: what needs no
// percent-encoding is decoded (RFC 3986 6.2.2.2), and the hexadecimal digits of the rest are capital
// (6.2.2.1). The proxy brings the paths of requests into the same form, but for the digits.
func NormalPath(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if !escapeAt(path, i) {
			out.WriteByte(path[i])
			continue
		}
		if c := hexValue(path[i+1])<<4 | hexValue(path[i+2]); unreserved(c) {
			out.WriteByte(c)
		} else {
			out.WriteString(strings.ToUpper(path[i : i+3]))
		}
		i += 2
	}
	return out.String()
}

// TwoSpellings reports whether requests may spell a path in NormalPath's form differently: with small
// digits in what is percent-encoded.
func TwoSpellings(path string) bool {
	for i := range len(path) {
		if escapeAt(path, i) && strings.ContainsAny(path[i+1:i+3], "ABCDEF") {
			return true
		}
	}
	return false
}

// BrokenEscape reports whether a percent sign begins no escape. The proxy answers requests with such a path 400.
func BrokenEscape(path string) bool {
	for i := range len(path) {
		if path[i] == '%' && !escapeAt(path, i) {
			return true
		}
	}
	return false
}

// escapeAt reports whether a percent-encoded byte begins at i.
func escapeAt(path string, i int) bool {
	return path[i] == '%' && i+2 < len(path) && hexDigit(path[i+1]) && hexDigit(path[i+2])
}

func hexDigit(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func hexValue(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// unreserved characters mean the same whether they are percent-encoded or not (RFC 3986 2.3).
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// PathProblem says why a path can match no request (Gateway API HTTPPathMatch), in words
// that follow its value.
func PathProblem(value string) string {
	switch {
	case !strings.HasPrefix(value, "/"):
		return `does not begin with "/"; add it`
	case strings.Contains(value, "//"):
		return `contains "//"; use one "/"`
	case strings.ContainsAny(value, "?#"):
		return "contains a query or fragment; use queryParams for the query"
	}
	for i := range len(value) {
		if value[i] <= ' ' || value[i] >= 0x7f {
			return "contains a space, a control character or a character beyond ASCII; write it percent-encoded"
		}
		if value[i] == '\\' {
			return `contains "\", which the proxy takes for "/" in a request; write "/" or %5C`
		}
	}
	if BrokenEscape(value) {
		return `contains a "%" without two hexadecimal digits behind it; write %25 for the character`
	}
	for _, segment := range strings.Split(NormalPath(value)[1:], "/") {
		if segment == "." || segment == ".." {
			return `contains a "." or ".." segment, encoded or not; write the path it leads to`
		}
	}
	return ""
}
