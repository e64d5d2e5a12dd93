package trigger

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

const (
	// loneTrigger stands for the name of a trigger without one.
	loneTrigger = "0"
	// maxName lets the name be a label value and a DNS label of Service names (RFC 1123),
	// although the API server would take 253 bytes.
	maxName = 63
	// hashDigits of SHA-256 in hexadecimal: 40 bits.
	hashDigits = 10
)

// plainName is a trigger name that needs no hash: without a dash, so that "a" of "x-b" and
// "b-a" of "x" do not meet.
var plainName = regexp.MustCompile(`^[a-z0-9]+$`)

// ScalerName names the HTTPScaler of a trigger: "<scaledobject>-<trigger>", with "0" for a
// trigger without a name. Triggers of different names or objects of one namespace never share
// a name: one that is no plain word (lower-case letters and digits) or makes more than 63
// bytes gets a hash: "shop-blue-green-3f29a01b77". The result depends on nothing else.
func ScalerName(scaledObject, trigger string) string {
	if trigger == "" {
		trigger = loneTrigger
	}
	name := scaledObject + "-" + trigger
	if plainName.MatchString(trigger) && len(name) <= maxName && scaledObject != "" && slug(scaledObject) == scaledObject {
		return name
	}
	sum := sha256.Sum256([]byte(scaledObject + "\x00" + trigger))
	hash := hex.EncodeToString(sum[:])[:hashDigits]
	stem := slug(name)
	if room := maxName - 1 - hashDigits; len(stem) > room {
		stem = strings.TrimRight(stem[:room], "-.")
	}
	return strings.TrimPrefix(stem+"-"+hash, "-")
}

// slug keeps what object names may have: lower-case letters, digits, dashes, and dots between
// letters or digits.
func slug(text string) string {
	dashed := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.':
			return c
		default:
			return '-'
		}
	}, strings.ToLower(text))
	var labels []string
	for _, label := range strings.Split(dashed, ".") {
		if label = strings.Trim(label, "-"); label != "" {
			labels = append(labels, label)
		}
	}
	return strings.Join(labels, ".")
}
