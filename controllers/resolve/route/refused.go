package route

import (
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	for _, parent := range Refused(parents, generation) {
		rules = append(rules, rulesIn(meta.FindStatusCondition(parent.Conditions, string(ConditionProgrammed)).Message)...)
	}
	return rules
}

// Refused returns the entries of this controller that say that proxies refuse something of this generation of a route.
func Refused(parents []gwv1.RouteParentStatus, generation int64) (refused []gwv1.RouteParentStatus) {
	for _, parent := range parents {
		said := meta.FindStatusCondition(parent.Conditions, string(ConditionProgrammed))
		if parent.ControllerName == v1alpha1.ControllerName && said != nil && said.Status == metav1.ConditionFalse &&
			said.Reason == string(ReasonRejectedByProxy) && said.ObservedGeneration == generation {
			refused = append(refused, parent)
		}
	}
	return refused
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
