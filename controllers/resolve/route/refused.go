package route

import (
	"regexp"
	"strconv"
	"strings"

	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/api/v1alpha1"
)

// ruleMark begins what a message says of one rule, see reports.add.
var ruleMark = regexp.MustCompile(`\brule ("(?:[^"\\]|\\.)*"): `)

// RefusedRule is a rule that proxies refuse. Absent: even what selects its requests.
type RefusedRule struct {
	Name   string
	Absent bool
}

// RefusedRules reads the rules out of a status that Status said proxies refuse in this generation of a route. A message has no more
// of them than resolve.JoinMessages lists, and the words of a proxy in it may look like one more: what is read is a hint.
func RefusedRules(parents []gwv1.RouteParentStatus, generation int64) (rules []RefusedRule) {
	for _, parent := range parents {
		if parent.ControllerName != v1alpha1.ControllerName {
			continue
		}
		for _, condition := range parent.Conditions {
			if condition.Type == string(ConditionProgrammed) && condition.Reason == string(ReasonRejectedByProxy) &&
				condition.ObservedGeneration == generation {
				rules = append(rules, rulesIn(condition.Message)...)
			}
		}
	}
	return rules
}

func rulesIn(message string) (rules []RefusedRule) {
	failing, absent, _ := strings.Cut(message, absentText)
	for i, text := range []string{failing, absent} {
		for _, mark := range ruleMark.FindAllStringSubmatch(text, -1) {
			if rule, err := strconv.Unquote(mark[1]); err == nil {
				rules = append(rules, RefusedRule{Name: rule, Absent: i > 0})
			}
		}
	}
	return rules
}
