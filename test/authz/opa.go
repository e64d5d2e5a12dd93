package authz

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/open-policy-agent/opa/v1/rego"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/kedify/inference-gateway/xds/proxytest"
)

// OPA decides by a policy, over Envoy's authorization protocol. The input of the policy is the question; its decision is an
// object with "allowed", and with "headers", "http_status" and "body" where it has them.
type OPA struct {
	query rego.PreparedEvalQuery
}

// NewOPA compiles a policy whose decision is at data.envoy.authz.result.
func NewOPA(ctx context.Context, policy string) (*OPA, error) {
	query, err := rego.New(rego.Query("data.envoy.authz.result"), rego.Module("policy.rego", policy)).PrepareForEval(ctx)
	return &OPA{query: query}, err
}

// decision is what a policy says.
type decision struct {
	Allowed bool              `json:"allowed"`
	Headers map[string]string `json:"headers"`
	Status  int               `json:"http_status"`
	Body    string            `json:"body"`
}

// Check is Envoy's authorization protocol.
func (o *OPA) Check(ctx context.Context, in *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	decided, err := o.decide(ctx, in)
	if err != nil {
		return nil, err
	}
	answer := proxytest.AuthDecision{Status: decided.Status, Header: http.Header{}, Body: decided.Body}
	if decided.Allowed {
		answer.Status = http.StatusOK
	}
	for name, value := range decided.Headers {
		answer.Header.Set(name, value)
	}
	return answer.Response(), nil
}

func (o *OPA) decide(ctx context.Context, in *authv3.CheckRequest) (decided decision, err error) {
	text, err := protojson.Marshal(in)
	if err != nil {
		return decided, err
	}
	var input any
	if err := json.Unmarshal(text, &input); err != nil {
		return decided, err
	}
	results, err := o.query.Eval(ctx, rego.EvalInput(input))
	if err != nil {
		return decided, err
	}
	if len(results) != 1 {
		return decided, fmt.Errorf("the policy decides nothing: %d results", len(results))
	}
	text, err = json.Marshal(results[0].Expressions[0].Value)
	if err != nil {
		return decided, err
	}
	return decided, json.Unmarshal(text, &decided)
}
