package trigger

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/kedify/inference-gateway/api/v1alpha1"
	"github.com/kedify/inference-gateway/xds/ir/check"
)

const (
	// maxHeaderName is that of gwv1.HTTPHeaderMatch. maxHeaderValue is a little less than half
	// of its, so that HeaderPattern fits whatever has to be escaped.
	maxHeaderName  = 256
	maxHeaderValue = 2000
	// maxHeaderRegex bounds the time to compile, in bytes: 512 can make 200,000 instructions.
	maxHeaderRegex = 512
	// anyCase around an expression makes it one for every case.
	anyCase = "(?i:%s)"
)

// headerValuePattern is gwv1.HTTPHeaderMatch.Value's of the experimental channel.
var headerValuePattern = regexp.MustCompile(`^[!-~]+([\t ]?[!-~]+)*$`)

// HeaderPattern returns the RE2 expression that the whole value of a header must match, fit
// for a gwv1.HTTPHeaderMatch of type RegularExpression. Empty: Value is compared exactly.
func HeaderPattern(h v1alpha1.HTTPScalerHeader) string {
	switch {
	case h.ValueRegex != nil:
		return fmt.Sprintf(anyCase, *h.ValueRegex)
	case h.ValueWildcard != nil:
		return wildcardPattern(*h.ValueWildcard)
	case h.Value != nil:
		return ""
	default:
		return ".*"
	}
}

func wildcardPattern(wildcard string) string {
	literal := regexp.QuoteMeta(wildcard)
	return fmt.Sprintf(anyCase, strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(literal))
}

func checkHeaderName(name string) error {
	if err := check.HeaderName(name); err != nil {
		return fmt.Errorf("name %s is not the name of a header; use letters, digits and dashes", quote(name))
	}
	if len(name) > maxHeaderName {
		return fmt.Errorf("name %s is longer than %d bytes; shorten it", quote(name), maxHeaderName)
	}
	if strings.EqualFold(name, "host") {
		return fmt.Errorf("name %s is not compared as a header; use hosts", quote(name))
	}
	return nil
}

func checkHeaderValue(value string) error {
	if !headerValuePattern.MatchString(value) {
		return errors.New("has a character that is not compared; use visible ASCII with single spaces in between")
	}
	if len(value) > maxHeaderValue {
		return fmt.Errorf("is too long; use at most %d bytes", maxHeaderValue)
	}
	return nil
}

func checkHeaderRegex(expression string) error {
	if len(expression) > maxHeaderRegex {
		return fmt.Errorf("is too long; use at most %d bytes", maxHeaderRegex)
	}
	for _, whole := range []string{expression, fmt.Sprintf(anyCase, expression)} {
		if err := check.Regex(whole); err != nil {
			return fmt.Errorf("cannot be used as an RE2 expression (%w); correct it", err)
		}
	}
	return checkHeaderValue(expression)
}
