package policy

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/controllers/resolve/certificate"
	"github.com/kedify/inference-gateway/controllers/store"
)

// Result is what one BackendTLSPolicy comes to.
type Result struct {
	Exists     bool
	Generation int64
	// Conditions for every Gateway whose routes use a target.
	Conditions []metav1.Condition
}

// Resolve returns the validity of a BackendTLSPolicy and its conflicts with others.
func Resolve(v store.View, key types.NamespacedName) Result {
	policy := v.BackendTLSPolicy(key)
	if policy == nil {
		return Result{}
	}
	authorities := authoritiesOf(v, policy)
	invalid := authorities.invalid
	if problem := optionsProblem(policy); invalid.None() {
		invalid = problem
	}
	// A policy that yields to another one is not in force, with valid content either.
	if problem := targetProblems(v, policy); !problem.None() {
		invalid = problem
	}
	accepted := resolve.Condition(gwv1.PolicyConditionAccepted, metav1.ConditionTrue,
		gwv1.PolicyReasonAccepted, "The policy is in force.", policy.Generation)
	if !invalid.None() {
		accepted = resolve.Condition(gwv1.PolicyConditionAccepted, metav1.ConditionFalse,
			invalid.Reason, invalid.Message, policy.Generation)
	}
	resolved := resolve.Condition(gwv1.BackendTLSPolicyConditionResolvedRefs, metav1.ConditionTrue,
		gwv1.BackendTLSPolicyReasonResolvedRefs, "All references are resolved.", policy.Generation)
	if len(authorities.unresolved) > 0 {
		resolved = resolve.Condition(gwv1.BackendTLSPolicyConditionResolvedRefs, metav1.ConditionFalse,
			authorities.unresolved[0].Reason, resolve.JoinMessages(authorities.unresolved), policy.Generation)
	}
	return Result{
		Exists: true, Generation: policy.Generation, Conditions: []metav1.Condition{accepted, resolved},
	}
}

// For returns the policies that contend for one port of a Service, the one in force
// first: those that name the port beat those for the whole Service, then the oldest wins,
// then namespace/name (Gateway API BackendTLSPolicySpec.targetRefs). A policy that is not
// valid stays in force: its requests fail, they do not fall back to another policy.
func For(v store.View, service types.NamespacedName, portName string) []*gwv1.BackendTLSPolicy {
	var named, whole []*gwv1.BackendTLSPolicy
	for _, policy := range v.BackendTLSPoliciesOf(service) {
		switch {
		case portName != "" && targets(policy, service.Name, portName):
			named = append(named, policy)
		case targets(policy, service.Name, ""):
			whole = append(whole, policy)
		}
	}
	slices.SortFunc(named, store.CompareAge[*gwv1.BackendTLSPolicy])
	slices.SortFunc(whole, store.CompareAge[*gwv1.BackendTLSPolicy])
	return append(named, whole...)
}

// targets reports whether a policy names the Service with exactly this section.
func targets(policy *gwv1.BackendTLSPolicy, service, section string) bool {
	return slices.ContainsFunc(policy.Spec.TargetRefs, func(ref gwv1.LocalPolicyTargetReferenceWithSectionName) bool {
		return isServiceTarget(ref) && string(ref.Name) == service && string(ptr.Deref(ref.SectionName, "")) == section
	})
}

func isServiceTarget(ref gwv1.LocalPolicyTargetReferenceWithSectionName) bool {
	return ref.Group == "" && ref.Kind == "Service"
}

// targetProblems says which targets the policy cannot have.
func targetProblems(v store.View, policy *gwv1.BackendTLSPolicy) (problem resolve.Problem) {
	for i, ref := range policy.Spec.TargetRefs {
		field := fmt.Sprintf("spec.targetRefs[%d]", i)
		key := types.NamespacedName{Namespace: policy.Namespace, Name: string(ref.Name)}
		section := string(ptr.Deref(ref.SectionName, ""))
		if !isServiceTarget(ref) {
			problem = cmp.Or(problem, resolve.Problemf(gwv1.PolicyReasonInvalid,
				"%s: kind %q of group %q is not supported; use a Service.", field, ref.Kind, ref.Group))
			continue
		}
		if winner := winnerOf(v, key, section); winner != nil && store.KeyOf(winner) != store.KeyOf(policy) {
			// Goes before all other problems.
			return resolve.Problemf(gwv1.PolicyReasonConflicted,
				"%s: BackendTLSPolicy %s has the same target and is in force, because it is older or first by name; remove one of the two.",
				field, store.KeyOf(winner))
		}
		service := v.Service(key)
		switch {
		case service == nil:
			problem = cmp.Or(problem, resolve.Problemf(gwv1.PolicyReasonTargetNotFound,
				"%s: Service %s does not exist; create it or correct the name.", field, key))
		case section != "" && !hasPortName(service, section):
			problem = cmp.Or(problem, resolve.Problemf(gwv1.PolicyReasonTargetNotFound,
				"%s.sectionName: Service %s has no port with name %q.", field, key, section))
		}
	}
	return problem
}

// winnerOf returns the policy in force among those with exactly this target.
func winnerOf(v store.View, service types.NamespacedName, section string) *gwv1.BackendTLSPolicy {
	var winner *gwv1.BackendTLSPolicy
	for _, policy := range v.BackendTLSPoliciesOf(service) {
		if targets(policy, service.Name, section) && (winner == nil || store.CompareAge[*gwv1.BackendTLSPolicy](policy, winner) < 0) {
			winner = policy
		}
	}
	return winner
}

func hasPortName(service *corev1.Service, name string) bool {
	return slices.ContainsFunc(service.Spec.Ports, func(port corev1.ServicePort) bool { return port.Name == name })
}

func optionsProblem(policy *gwv1.BackendTLSPolicy) resolve.Problem {
	for _, option := range slices.Sorted(maps.Keys(policy.Spec.Options)) {
		if prefix, _, prefixed := strings.Cut(string(option), "/"); !prefixed || resolve.OwnDomain(prefix) {
			return resolve.Problemf(gwv1.PolicyReasonInvalid, "spec.options has %q, which this gateway does not know; remove the option.", option)
		}
	}
	return resolve.Problem{}
}

// authorities is what a policy verifies certificates with.
type authorities struct {
	system bool
	// name of bundle in the proxy. Policies that trust one ClusterTrustBundle share it: many may.
	name   string
	bundle []byte // PEM; empty: nothing is trusted, unless system
	// unresolved are the references that lead nowhere, invalid why the policy cannot be
	// fulfilled at all.
	unresolved []resolve.Problem
	invalid    resolve.Problem
}

func authoritiesOf(v store.View, policy *gwv1.BackendTLSPolicy) (a authorities) {
	validation := policy.Spec.Validation
	a.name = "ca/policy/" + store.KeyOf(policy).String()
	if wellKnown := string(ptr.Deref(validation.WellKnownCACertificates, "")); len(validation.CACertificateRefs) == 0 && wellKnown != "" {
		if a.system = wellKnown == string(gwv1.WellKnownCACertificatesSystem); !a.system {
			a.invalid = resolve.Problemf(gwv1.PolicyReasonInvalid,
				"spec.validation.wellKnownCACertificates %q is not supported; use System, or caCertificateRefs.", wellKnown)
		}
		return a
	}
	var bundle bytes.Buffer
	for i, ref := range validation.CACertificateRefs {
		authority, problem := policyCA(v, policy.Namespace, ref)
		if !problem.None() {
			problem.Message = fmt.Sprintf("spec.validation.caCertificateRefs[%d]: %s", i, problem.Message)
			a.unresolved = append(a.unresolved, problem)
			continue
		}
		bundle.Write(authority)
	}
	if a.bundle = bundle.Bytes(); len(a.bundle) == 0 {
		a.invalid = resolve.Problemf(gwv1.BackendTLSPolicyReasonNoValidCACertificate,
			"spec.validation.caCertificateRefs has no valid CA certificate: requests to the targets fail; see the ResolvedRefs condition.")
		return a
	}
	if ref := policyRef(policy.Namespace, validation.CACertificateRefs[0]); len(validation.CACertificateRefs) == 1 && ref.OfCluster() {
		a.name = "ca/bundle/" + ref.Key.Name
	}
	return a
}

func policyRef(namespace string, ref gwv1.LocalObjectReference) certificate.Ref {
	return certificate.RefTo(ref.Group, ref.Kind, types.NamespacedName{Namespace: namespace, Name: string(ref.Name)})
}

// policyCA reads one reference to CA certificates, in the namespace of the policy or of the cluster.
func policyCA(v store.View, namespace string, ref gwv1.LocalObjectReference) ([]byte, resolve.Problem) {
	authority := policyRef(namespace, ref)
	if err := authority.Supported(v); err != nil {
		return nil, resolve.Problemf(gwv1.BackendTLSPolicyReasonInvalidKind, "%v.", err)
	}
	bundle, err := authority.Authorities(v)
	if err != nil {
		return nil, resolve.Problemf(gwv1.BackendTLSPolicyReasonInvalidCACertificateRef, "%v.", err)
	}
	return bundle, resolve.Problem{}
}
