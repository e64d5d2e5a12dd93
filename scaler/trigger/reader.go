package trigger

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// reader takes the values of one trigger and notes what is wrong with them. A blank value is
// as good as none.
type reader struct {
	object  Object
	address string
	index   int
	trigger Trigger
	kind    v1alpha1.TriggerType

	// seen are the keys that were asked for.
	seen     map[string]bool
	problems []Problem
}

func newReader(object Object, index int, address string) *reader {
	t := object.Triggers[index]
	return &reader{object: object, address: address, index: index, trigger: t, kind: typeOf(t), seen: map[string]bool{}}
}

// label is how messages call the trigger.
func (r *reader) label() string {
	if r.trigger.Name != "" {
		return r.trigger.Name
	}
	return strconv.Itoa(r.index)
}

// refuse notes a mistake, warn a warning. The message starts with the key.
func (r *reader) refuse(key, format string, args ...any) { r.note(key, false, format, args) }

func (r *reader) warn(key, format string, args ...any) { r.note(key, true, format, args) }

// note says nothing twice: two metrics of a trigger read the same keys.
func (r *reader) note(key string, warning bool, format string, args []any) {
	problem := Problem{Index: r.index, Trigger: r.label(), Key: key, Message: fmt.Sprintf(format, args...), Warning: warning}
	if !slices.Contains(r.problems, problem) {
		r.problems = append(r.problems, problem)
	}
}

// ignore warns that a key has no effect.
func (r *reader) ignore(key, reason string) {
	if r.text(key) != "" {
		r.warn(key, "%s has no effect %s; remove it", key, reason)
	}
}

// refused says whether there is a mistake in any of the keys.
func (r *reader) refused(keys ...string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return !p.Warning && slices.Contains(keys, p.Key) })
}

// text returns a value without space around it; empty: not set.
func (r *reader) text(key string) string {
	r.seen[key] = true
	return strings.TrimSpace(r.trigger.Metadata[key])
}

// list returns the items of a comma-separated value, each brought to its normal form and
// only once. An empty item is refused: it is a typing error, and "every host" to a proxy. More
// than most items are refused before anything compares them.
func (r *reader) list(key string, most int, normal func(string) string) []string {
	value := r.text(key)
	if value == "" {
		return nil
	}
	if count := strings.Count(value, ",") + 1; count > most {
		r.refuse(key, "%s has %d items and the limit is %d; write fewer, or make several triggers", key, count, most)
		return nil
	}
	var items []string
	for _, item := range strings.Split(value, ",") {
		item = normal(strings.TrimSpace(item))
		switch {
		case item == "":
			if !r.refused(key) {
				r.refuse(key, "%s %s has an empty item; remove the comma that is too many", key, quote(value))
			}
		case slices.Contains(items, item):
			r.warn(key, "%s has %s twice; remove one", key, quote(item))
		default:
			items = append(items, item)
		}
	}
	return items
}

// value is a text of the user, the key that has it and what messages call it.
type value struct{ key, name, text string }

// at is the value of a key.
func (r *reader) at(key string) value { return value{key, key, r.text(key)} }

// whole returns a whole number; the default when the key is not set or wrong.
func (r *reader) whole(key string, least, most, otherwise int64) int64 {
	return r.wholeOf(r.at(key), least, most, otherwise)
}

func (r *reader) wholeOf(v value, least, most, otherwise int64) int64 {
	if v.text == "" {
		return otherwise
	}
	number, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || v.text[0] == '+' {
		r.refuse(v.key, "%s %s is not a whole number; use %d to %d", v.name, quote(v.text), least, most)
		return otherwise
	}
	if number < least || number > most {
		r.refuse(v.key, "%s %s is out of range; use %d to %d", v.name, quote(v.text), least, most)
		return otherwise
	}
	return number
}

// decimals are up to nine digits, and six after the point.
var decimals = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,6})?$`)

// decimal returns a number without zeros that say nothing; the default when the key is not set or wrong.
func (r *reader) decimal(key string, least, most float64, otherwise v1alpha1.Decimal) v1alpha1.Decimal {
	return r.decimalOf(r.at(key), least, most, otherwise)
}

func (r *reader) decimalOf(v value, least, most float64, otherwise v1alpha1.Decimal) v1alpha1.Decimal {
	if v.text == "" {
		return otherwise
	}
	if !decimals.MatchString(v.text) {
		r.refuse(v.key, "%s %s is not a decimal number; use %v to %v, with at most six digits after the point",
			v.name, quote(v.text), least, most)
		return otherwise
	}
	whole, fraction, _ := strings.Cut(v.text, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	number := v1alpha1.Decimal(strings.TrimSuffix(cmp.Or(whole, "0")+"."+fraction, "."))
	if float := number.Float(); float < least || float > most {
		r.refuse(v.key, "%s %s is out of range; use %v to %v", v.name, quote(v.text), least, most)
		return otherwise
	}
	return number
}

// duration returns a Go duration; the default when the key is not set or wrong.
func (r *reader) duration(key string, least, most, otherwise time.Duration) time.Duration {
	return r.durationOf(r.at(key), least, most, otherwise)
}

func (r *reader) durationOf(v value, least, most, otherwise time.Duration) time.Duration {
	if v.text == "" {
		return otherwise
	}
	span, err := time.ParseDuration(v.text)
	if err != nil {
		fix := "use a number with a unit, like 500ms, 30s or 1m30s"
		if _, err := strconv.ParseUint(v.text, 10, 64); err == nil {
			fix = "add the unit, like " + quote(v.text+"s")
		}
		r.refuse(v.key, "%s %s is not a duration; %s", v.name, quote(v.text), fix)
		return otherwise
	}
	if span < least || span > most {
		r.refuse(v.key, "%s %s is out of range; use %s to %s", v.name, quote(v.text), short(least), short(most))
		return otherwise
	}
	return span
}

// short shows a duration as people write it: 1h, not 1h0m0s.
func short(span time.Duration) string {
	text := span.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// choice returns one of several words; the default when the key is not set or wrong.
func choice[T ~string](r *reader, key string, otherwise T, allowed ...T) T {
	value := T(r.text(key))
	switch {
	case value == "":
		return otherwise
	case slices.Contains(allowed, value):
		return value
	default:
		r.refuse(key, "%s %s is not known; use %s", key, quote(string(value)), either(texts(allowed)))
		return otherwise
	}
}

// texts returns the words of an enumeration.
func texts[T ~string](of []T) []string {
	words := make([]string, len(of))
	for i, word := range of {
		words[i] = string(word)
	}
	return words
}

// flag returns a truth value; false when the key is not set or wrong.
func (r *reader) flag(key string) bool {
	value := r.text(key)
	switch strings.ToLower(value) {
	case "true":
		return true
	case "", "false":
		return false
	default:
		r.refuse(key, "%s %s is neither true nor false; write one of them in quotes", key, quote(value))
		return false
	}
}

// objectName returns the name of another object of the namespace; empty when it is not set or
// wrong.
func (r *reader) objectName(key, noun string) string {
	name := r.text(key)
	if name == "" || len(validation.IsDNS1123Subdomain(name)) == 0 {
		return name
	}
	r.refuse(key, "%s %s is not the name of %s; use the name alone of one in the same namespace", key, quote(name), noun)
	return ""
}

// labelName returns a name that is a DNS label, as those of Services and their ports are; empty
// when it is not set or wrong.
func (r *reader) labelName(key, noun string) string {
	name := r.text(key)
	if name == "" || len(validation.IsDNS1123Label(name)) == 0 {
		return name
	}
	r.refuse(key, "%s %s is not the name of %s; use the name alone, without namespace or port", key, quote(name), noun)
	return ""
}
