package listener

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/store"
	"github.com/kedify/inference-gateway/xds/ir"
)

// maxAddresses is how many a status takes (GatewayStatus.addresses).
const maxAddresses = 16

// StatusInput is what the statuses of a Gateway and its ListenerSets follow from.
type StatusInput struct {
	Result resolve.GatewayResult
	// Attached is the number of accepted routes of each listener.
	Attached map[resolve.ListenerID]int32
	// Assignment has the addresses that the data plane got, and those that it did not get.
	Assignment
	// Connected is the number of proxies with a configuration stream.
	Connected int
	// ProxiesWait is what the Pods of the proxies wait for while none is connected; empty: it is not known.
	ProxiesWait string
	// Programmed has the ports that a proxy acknowledged as they are wanted.
	Programmed map[uint32]bool
	// AddressFailure is what the API server said of the Services that could not be made for addresses; empty: nothing.
	AddressFailure string
	// Rejected is what proxies rejected, and what kept the data plane from being made.
	Rejected []resolve.Rejected
}

// GatewayStatus returns the whole status of a Gateway.
func GatewayStatus(in StatusInput) gwv1.GatewayStatus {
	g := in.Result
	self := resolve.Object{Kind: store.Gateway, Key: g.Key}
	attached := int32(0)
	for _, set := range g.ListenerSets {
		if set.Accepted {
			attached++
		}
	}
	own := g.ListenersOf(self)
	status := gwv1.GatewayStatus{
		Addresses:            in.Addresses[:min(len(in.Addresses), maxAddresses)],
		Conditions:           slices.Concat(in.gatewayConditions(), in.addressesAssigned(), []metav1.Condition{in.gatewayProgrammed(own)}),
		Listeners:            []gwv1.ListenerStatus{},
		AttachedListenerSets: &attached,
	}
	for _, l := range own {
		status.Listeners = append(status.Listeners, gwv1.ListenerStatus{
			Name:           gwv1.SectionName(l.ID.Name),
			SupportedKinds: l.Kinds,
			AttachedRoutes: in.Attached[l.ID],
			Conditions:     append(slices.Clone(l.Conditions), in.listenerProgrammed(l, g.Generation)),
		})
	}
	return status
}

// gatewayConditions are those that the resolution gave, corrected by what proxies have
// against the client certificate.
func (in StatusInput) gatewayConditions() []metav1.Condition {
	conditions := slices.Clone(in.Result.Conditions)
	rejected := in.rejected(in.source(clientCertificateSection))
	for i := range conditions {
		if rejected != nil && conditions[i].Type == string(gwv1.GatewayConditionResolvedRefs) {
			conditions[i] = resolve.Condition(gwv1.GatewayConditionResolvedRefs, metav1.ConditionFalse,
				gwv1.GatewayReasonInvalidClientCertificateRef,
				"spec.tls.backend.clientCertificateRef: "+rejectedText(rejected, "the Secret"), in.Result.Generation)
		}
	}
	return conditions
}

// source is the Gateway, or a section of it.
func (in StatusInput) source(section string) ir.Source {
	return ir.Source{Kind: string(store.Gateway), Namespace: in.Result.Key.Namespace, Name: in.Result.Key.Name, Section: section}
}

// gatewayProgrammed is True when every listener of the Gateway that can serve is in force in
// a proxy, and the Gateway has its addresses. Otherwise it says all that is missing.
func (in StatusInput) gatewayProgrammed(listeners []resolve.Listener) metav1.Condition {
	kind := gwv1.GatewayConditionProgrammed
	progress := in.progressOf(listeners)
	if state := in.gatewayState(progress); !state.None() {
		return resolve.Condition(kind, metav1.ConditionFalse, state.Reason, state.Message, in.Result.Generation)
	}
	message := "The proxies have the configuration of the Gateway."
	if len(in.Unsatisfied) > 0 {
		message += " Not all addresses are assigned; see the AddressesAssigned condition."
	}
	if problems := progress.problems("They"); problems != "" {
		message += " " + problems
	}
	if problem := in.rejection(in.source("")); problem != "" {
		message += " The data plane cannot be brought up to date: " + problem
	}
	return resolve.Condition(kind, metav1.ConditionTrue, gwv1.GatewayReasonProgrammed, message, in.Result.Generation)
}

func (in StatusInput) gatewayState(progress progress) resolve.Problem {
	if accepted := resolve.FindCondition(in.Result.Conditions, gwv1.GatewayConditionAccepted); accepted.Status != metav1.ConditionTrue {
		return resolve.Problemf(gwv1.GatewayReasonInvalid,
			"The Gateway is not accepted (%s); its Accepted condition says what to do.", accepted.Reason)
	}
	if progress.none() {
		return resolve.Problemf(gwv1.GatewayReasonInvalid, "No listener of the Gateway can serve; the conditions of each listener say why.")
	}
	missing := in.missing(progress.waiting)
	problem := in.rejection(in.source(""))
	switch {
	case problem != "" && missing != "":
		return resolve.Problemf(gwv1.GatewayReasonInvalid, "The data plane cannot be made: %s", problem)
	case in.Unusable != "":
		return resolve.Problemf(gwv1.GatewayReasonAddressNotUsable, "%s", resolve.Sentence(in.Unusable))
	case len(progress.waiting)+len(progress.served) == 0:
		return resolve.Problemf(gwv1.GatewayReasonInvalid, "%s", progress.problems("The proxies"))
	case len(in.Addresses) == 0:
		return resolve.Problemf(gwv1.GatewayReasonAddressNotAssigned, "%s", missing)
	case missing != "":
		return resolve.Problemf(gwv1.GatewayReasonPending, "%s", missing)
	}
	return resolve.Problem{}
}

// progress is how far listeners got that can serve: ports, and messages about listeners that
// proxies refused or that failed to render.
type progress struct{ waiting, rejected, failed, served []string }

func (p progress) none() bool {
	return len(p.waiting)+len(p.rejected)+len(p.failed)+len(p.served) == 0
}

// problems says which listeners are not in force; proxies names the proxies.
func (p progress) problems(proxies string) string {
	problems := slices.Clone(p.failed)
	if len(p.rejected) > 0 {
		problems = slices.Insert(problems, 0, proxies+" refused "+strings.Join(p.rejected, " "))
	}
	return strings.Join(problems, " ")
}

func (in StatusInput) progressOf(listeners []resolve.Listener) progress {
	var p progress
	for _, l := range listeners {
		rejected := in.rejected(l.Source())
		switch {
		case !l.Serving:
		case rejected != nil && rejected.RenderFailed:
			p.failed = append(p.failed, rejectedText(rejected, fmt.Sprintf("listener %q", l.ID.Name)))
		case rejected != nil:
			p.rejected = append(p.rejected, fmt.Sprintf("%slistener %q: %s", ofRule(rejected), l.ID.Name, resolve.Sentence(rejected.Message)))
		case !in.Programmed[l.Port]:
			p.waiting = append(p.waiting, portText(l.Port))
		default:
			p.served = append(p.served, portText(l.Port))
		}
	}
	slices.Sort(p.waiting)
	p.waiting = slices.Compact(p.waiting)
	return p
}

// missing says what listeners still wait for; empty when they wait for nothing.
func (in StatusInput) missing(waiting []string) string {
	var missing []string
	switch {
	case len(in.Addresses) > 0:
	case len(in.Unsatisfied) > 0 && !resolve.ExposureOf(in.Result.Addresses).Outside:
		missing = append(missing, in.unsatisfied())
	default:
		missing = append(missing, "No address yet: the Service of the Gateway has none. See whether the cluster has a load balancer, "+
			"or set spec.service.type in the GatewayParameters.")
	}
	switch {
	case len(waiting) == 0:
	case in.Connected == 0 && in.ProxiesWait != "":
		missing = append(missing, "No proxy is connected yet. "+resolve.Sentence(in.ProxiesWait))
	case in.Connected == 0:
		missing = append(missing, fmt.Sprintf("No proxy is connected yet; see the Pods with the label %s=%s.",
			gwv1.GatewayNameLabelKey, in.Result.Key.Name))
	default:
		missing = append(missing, fmt.Sprintf("No proxy has acknowledged port %s yet.", strings.Join(waiting, ", ")))
	}
	return strings.Join(missing, " ")
}

// listenerProgrammed is the Programmed condition of a listener of a Gateway or ListenerSet.
func (in StatusInput) listenerProgrammed(l resolve.Listener, generation int64) metav1.Condition {
	kind := gwv1.ListenerConditionProgrammed
	state := in.listenerState(l)
	if state.None() {
		return resolve.Condition(kind, metav1.ConditionTrue, gwv1.ListenerReasonProgrammed, "The proxies have the listener.", generation)
	}
	return resolve.Condition(kind, metav1.ConditionFalse, state.Reason, state.Message, generation)
}

func (in StatusInput) listenerState(l resolve.Listener) resolve.Problem {
	if conflicted := resolve.FindCondition(l.Conditions, gwv1.ListenerConditionConflicted); conflicted.Status == metav1.ConditionTrue {
		return resolve.Problem{Reason: conflicted.Reason, Message: conflicted.Message}
	}
	if accepted := resolve.FindCondition(l.Conditions, gwv1.ListenerConditionAccepted); accepted.Status != metav1.ConditionTrue {
		return resolve.Problemf(gwv1.ListenerReasonInvalid, "The listener is not accepted (%s).", accepted.Reason)
	}
	if accepted := resolve.FindCondition(in.Result.Conditions, gwv1.GatewayConditionAccepted); accepted.Status != metav1.ConditionTrue {
		return resolve.Problemf(gwv1.ListenerReasonPending, "The Gateway is not accepted (%s).", accepted.Reason)
	}
	if !l.Serving {
		resolved := resolve.FindCondition(l.Conditions, gwv1.ListenerConditionResolvedRefs)
		return resolve.Problemf(gwv1.ListenerReasonInvalid,
			"The listener cannot serve (%s); its ResolvedRefs condition says what to do.", resolved.Reason)
	}
	if rejected := in.rejected(l.Source()); rejected != nil {
		return resolve.Problemf(gwv1.ListenerReasonInvalid, "%s", rejectedText(rejected, "the listener"))
	}
	switch {
	case in.Programmed[l.Port]:
		return resolve.Problem{}
	case in.Connected == 0:
		return resolve.Problemf(gwv1.ListenerReasonPending, "No proxy is connected yet.")
	}
	return resolve.Problemf(gwv1.ListenerReasonPending, "No proxy has acknowledged port %d yet.", l.Port)
}

// rejected returns what is not in force of a source, nil when all of it is.
func (in StatusInput) rejected(source ir.Source) *resolve.Rejected {
	for i := range in.Rejected {
		if in.Rejected[i].Source == source {
			return &in.Rejected[i]
		}
	}
	return nil
}

// rejection returns the message of what is not in force of a source, empty when all of it is. The
// Gateway itself without a section is the source of its data plane.
func (in StatusInput) rejection(source ir.Source) string {
	if rejected := in.rejected(source); rejected != nil {
		return resolve.Sentence(rejected.Message)
	}
	return ""
}

// rejectedText says what happened to the subject.
func rejectedText(r *resolve.Rejected, subject string) string {
	text := fmt.Sprintf("The proxy refused %s: ", subject)
	switch {
	case r.Rule != "":
		text = fmt.Sprintf("The proxy refused %s%s, and all of its requests get 500: ", ofRule(r), subject)
	case r.RenderFailed && r.Kept:
		text = fmt.Sprintf("The control plane failed to render %s; the proxies keep its previous version: ", subject)
	case r.Kept:
		text = fmt.Sprintf("The proxy refused %s and serves what it had before: ", subject)
	case r.RenderFailed:
		text = fmt.Sprintf("The control plane failed to render %s, which has no previous version: ", subject)
	}
	return text + resolve.Sentence(r.Message)
}

// ofRule names the part of a listener that alone is refused.
func ofRule(r *resolve.Rejected) string {
	if r.Rule == "" {
		return ""
	}
	return r.Rule + " of "
}
