package route

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/utils/ptr"
	gwv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/kedify/inference-gateway/controllers/resolve"
	"github.com/kedify/inference-gateway/internal/message"
	"github.com/kedify/inference-gateway/xds/ir"
	"github.com/kedify/inference-gateway/xds/ir/check"
	"github.com/kedify/inference-gateway/xds/ir/regex"
)

// httpMatch reads one match of an HTTPRoute.
func httpMatch(path string, spec gwv1.HTTPRouteMatch, expressions *regex.Budget) (match, resolve.Problem) {
	var m match
	var problem resolve.Problem
	if m.Path, problem = pathMatch(path+".path", spec.Path, expressions); !problem.None() {
		return match{}, problem
	}
	if spec.Method != nil {
		m.Method = string(*spec.Method)
		if problem := methodProblem(path+".method", m.Method); !problem.None() {
			return match{}, problem
		}
	}
	values := valueMatches{expressions: expressions}
	for i, header := range spec.Headers {
		values.add(fmt.Sprintf("%s.headers[%d]", path, i), valueSpec{
			name: strings.ToLower(string(header.Name)), value: header.Value, kind: string(ptr.Deref(header.Type, "")), header: true,
		})
	}
	m.Headers, m.Model = splitModel(values.matches)
	values.matches = nil
	for i, param := range spec.QueryParams {
		values.add(fmt.Sprintf("%s.queryParams[%d]", path, i), valueSpec{
			name: string(param.Name), value: param.Value, kind: string(ptr.Deref(param.Type, "")),
		})
	}
	m.Query = values.matches
	if !values.problem.None() {
		return match{}, values.problem
	}
	m.text = matchText(m.Match)
	return m, resolve.Problem{}
}

// splitModel takes the match of the model out of those of headers: the proxy compares what the body asks for
// (docs/adr/0062-model-routing.md).
func splitModel(all []ir.ValueMatch) (headers []ir.ValueMatch, model ir.ModelMatch) {
	for _, header := range all {
		if header.Name == ir.ModelHeader {
			model = ir.ModelMatch{Value: header.Value, Regex: header.Regex}
		} else {
			headers = append(headers, header)
		}
	}
	return headers, model
}

// pathMatch reads a path. Without one, or without a value, every path matches.
func pathMatch(field string, spec *gwv1.HTTPPathMatch, expressions *regex.Budget) (ir.PathMatch, resolve.Problem) {
	kind, value := gwv1.PathMatchPathPrefix, "/"
	if spec != nil && spec.Type != nil {
		kind = *spec.Type
	}
	if spec != nil && spec.Value != nil {
		value = *spec.Value
	}
	switch kind {
	case gwv1.PathMatchRegularExpression:
		if err := expressions.Take(value); err != nil {
			return ir.PathMatch{}, expressionProblem(field+".value", value, err)
		}
		return ir.PathMatch{Kind: ir.PathRegex, Value: value}, resolve.Problem{}
	case gwv1.PathMatchExact, gwv1.PathMatchPathPrefix:
	default:
		return ir.PathMatch{}, resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s.type %q is not supported; use Exact, PathPrefix or RegularExpression.", field, kind)
	}
	if problem := check.PathProblem(value); problem != "" {
		return ir.PathMatch{}, resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s.value %q %s.", field, value, problem)
	}
	value = check.NormalPath(value)
	if kind == gwv1.PathMatchExact {
		return ir.PathMatch{Kind: ir.PathExact, Value: value}, resolve.Problem{}
	}
	// A trailing slash of a prefix says nothing: /a/ takes the same paths as /a.
	if len(value) > 1 {
		value = strings.TrimSuffix(value, "/")
	}
	return ir.PathMatch{Kind: ir.PathPrefix, Value: value}, resolve.Problem{}
}

func expressionProblem(field, expression string, err error) resolve.Problem {
	if errors.Is(err, regex.ErrTogether) {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s: the regular expressions of the route make more than %d instructions together; move rules to another route.", field, regex.MaxTotal)
	}
	return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
		"%s %s is not a regular expression the proxy takes (%v); correct it (syntax: RE2).", field, message.Quote(expression), err)
}

func methodProblem(field, method string) resolve.Problem {
	if method == http.MethodConnect {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s %q is for tunnels, which this gateway does not open; use another method, GET for WebSocket.", field, method)
	}
	for _, c := range []byte(method) {
		if (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s %q is not a method; use one like GET.", field, method)
		}
	}
	return resolve.Problem{}
}

// valueSpec is one header or query parameter to match.
type valueSpec struct {
	name, value string
	kind        string // Exact, RegularExpression, or empty for Exact
	header      bool
	grpc        bool // of a GRPCRoute
}

// valueMatches collects header or query matches. Of several with one name the first counts
// (Gateway API HTTPHeaderMatch.name), and so does the first problem.
type valueMatches struct {
	matches     []ir.ValueMatch
	problem     resolve.Problem
	expressions *regex.Budget
}

func (m *valueMatches) add(field string, spec valueSpec) {
	for _, known := range m.matches {
		if known.Name == spec.name {
			return
		}
	}
	problem := spec.check(field, m.expressions)
	if m.problem.None() {
		m.problem = problem
	}
	m.matches = append(m.matches, ir.ValueMatch{
		Name: spec.name, Value: spec.value, Regex: spec.kind == string(gwv1.HeaderMatchRegularExpression),
	})
}

func (s valueSpec) check(field string, expressions *regex.Budget) resolve.Problem {
	if s.name == "" {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s.name is empty; name what is to be matched.", field)
	}
	if s.header && check.Removed(s.name) {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s.name %q: the proxy removes this header from requests before it compares them; match another one.", field, s.name)
	}
	if !s.header {
		if problem := s.checkQueryText(field, "name", s.name, "&#="); !problem.None() {
			return problem
		}
	}
	if s.header && s.name == ir.ModelHeader {
		if problem := s.checkModel(field); !problem.None() {
			return problem
		}
	}
	switch s.kind {
	case "", string(gwv1.HeaderMatchExact):
		if !s.header {
			return s.checkQueryText(field, "value", s.value, "&#")
		}
		if err := cmp.Or(check.HeaderName(s.name), check.HeaderValue(s.value), s.trimmed()); err != nil {
			return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s %q: %v; no request can carry this header, correct it.", field, s.name, err)
		}
		if check.Unseen(s.name, s.value) {
			return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s %q: the proxy removes %q from this header before it compares requests; match another one.", field, s.name, s.value)
		}
	case string(gwv1.HeaderMatchRegularExpression):
		if err := expressions.Take(s.value); err != nil {
			return expressionProblem(field+".value", s.value, err)
		}
	default:
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s.type %q is not supported; use Exact or RegularExpression.", field, s.kind)
	}
	return resolve.Problem{}
}

// checkModel refuses what no model can be: the proxy compares it with "model" in the JSON body of a request.
func (s valueSpec) checkModel(field string) resolve.Problem {
	if s.grpc {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
			"%s.name %q stands for the model in a JSON body, which gRPC messages do not have; match another header, or use an HTTPRoute.",
			field, s.name)
	}
	if s.kind == string(gwv1.HeaderMatchRegularExpression) {
		if s.value == "" {
			return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.value is empty, and no model has an empty name; write an expression for names.", field)
		}
		return resolve.Problem{}
	}
	if problem := check.ModelName(s.value); problem != "" {
		return resolve.Problemf(gwv1.RouteReasonUnsupportedValue, "%s.value %s %s, so no request can ask for this model; correct it.",
			field, message.Quote(s.value), problem)
	}
	return resolve.Problem{}
}

// errSpaces says that a value of a header cannot be as it is written (RFC 9110 5.5).
var errSpaces = errors.New("header value begins or ends with a space")

func (s valueSpec) trimmed() error {
	if strings.Trim(s.value, " \t") != s.value {
		return errSpaces
	}
	return nil
}

// checkQueryText refuses the name or the value of a parameter that no request can carry: they are compared as they
// stand in the URL.
func (s valueSpec) checkQueryText(field, part, text, separators string) resolve.Problem {
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(separators, c) >= 0 {
			return resolve.Problemf(gwv1.RouteReasonUnsupportedValue,
				"%s.%s %q has a character that stands in no URL, but its percent-encoded form is compared; write %s.",
				field, part, text, percentEncoded(text, separators))
		}
	}
	return resolve.Problem{}
}

func percentEncoded(text, separators string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(separators, c) >= 0 {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return strconv.Quote(out.String())
}
