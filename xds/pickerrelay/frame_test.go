package pickerrelay

import (
	"testing"

	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"
)

// requests and responses are one message of each kind.
func requests() []*extprocv3.ProcessingRequest {
	return []*extprocv3.ProcessingRequest{
		{},
		{Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocv3.HttpHeaders{}}},
		{Request: &extprocv3.ProcessingRequest_RequestHeaders{RequestHeaders: &extprocv3.HttpHeaders{EndOfStream: true}}},
		{Request: &extprocv3.ProcessingRequest_RequestBody{RequestBody: &extprocv3.HttpBody{Body: []byte("chunk")}}},
		{Request: &extprocv3.ProcessingRequest_RequestBody{RequestBody: &extprocv3.HttpBody{EndOfStream: true}}},
		{Request: &extprocv3.ProcessingRequest_RequestTrailers{RequestTrailers: &extprocv3.HttpTrailers{}}},
		{Request: &extprocv3.ProcessingRequest_ResponseHeaders{ResponseHeaders: &extprocv3.HttpHeaders{EndOfStream: true}}},
		{Request: &extprocv3.ProcessingRequest_ResponseBody{ResponseBody: &extprocv3.HttpBody{Body: []byte("x"), EndOfStream: true}}},
		{Request: &extprocv3.ProcessingRequest_ResponseTrailers{ResponseTrailers: &extprocv3.HttpTrailers{}}},
	}
}

func responses() []*extprocv3.ProcessingResponse {
	all := []*extprocv3.ProcessingResponse{
		{},
		unavailable(detailFailed),
		{Response: &extprocv3.ProcessingResponse_RequestBody{RequestBody: &extprocv3.BodyResponse{}}},
		{Response: &extprocv3.ProcessingResponse_RequestBody{RequestBody: &extprocv3.BodyResponse{Response: &extprocv3.CommonResponse{
			BodyMutation: &extprocv3.BodyMutation{Mutation: &extprocv3.BodyMutation_Body{Body: []byte("not streamed")}},
		}}}},
	}
	for _, request := range requests() {
		all = append(all, unchanged(request))
	}
	return all
}

func wantedOfRequest(m *extprocv3.ProcessingRequest) part {
	switch r := m.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		return part{kind: requestHeaders, end: r.RequestHeaders.GetEndOfStream()}
	case *extprocv3.ProcessingRequest_RequestBody:
		return part{kind: requestBody, end: r.RequestBody.GetEndOfStream(), body: r.RequestBody.GetBody()}
	case *extprocv3.ProcessingRequest_RequestTrailers:
		return part{kind: requestTrailers, end: true}
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		return part{kind: responseHeaders}
	case nil:
		return part{}
	default:
		return part{kind: responsePhase}
	}
}

func wantedOfResponse(m *extprocv3.ProcessingResponse) part {
	switch r := m.GetResponse().(type) {
	case *extprocv3.ProcessingResponse_ImmediateResponse:
		return part{kind: immediate}
	case *extprocv3.ProcessingResponse_RequestHeaders:
		return part{kind: requestHeaders}
	case *extprocv3.ProcessingResponse_RequestBody:
		streamed := r.RequestBody.GetResponse().GetBodyMutation().GetStreamedResponse()
		if streamed == nil {
			return part{}
		}
		return part{kind: requestBody, end: streamed.GetEndOfStream(), body: streamed.GetBody()}
	case *extprocv3.ProcessingResponse_RequestTrailers:
		return part{kind: requestTrailers, end: true}
	case *extprocv3.ProcessingResponse_ResponseHeaders:
		return part{kind: responseHeaders}
	case nil:
		return part{}
	default:
		return part{kind: responsePhase}
	}
}

func same(a, b part) bool {
	return a.kind == b.kind && a.end == b.end && string(a.body) == string(b.body)
}

// What the relay reads of a message is what a decoder of the whole message finds there.
func TestRead(t *testing.T) {
	for _, message := range requests() {
		data, err := proto.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readRequest(data); err != nil || !same(got, wantedOfRequest(message)) {
			t.Errorf("%v is read as %+v, %v", message, got, err)
		}
	}
	for _, message := range responses() {
		data, err := proto.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readResponse(data); err != nil || !same(got, wantedOfResponse(message)) {
			t.Errorf("%v is read as %+v, %v", message, got, err)
		}
	}
}

// FuzzRead compares both readers with the decoder of the whole message, for every message that it takes and that has each field once, as
// encoders write it: the decoder merges a message that is there twice.
func FuzzRead(f *testing.F) {
	for _, message := range requests() {
		data, _ := proto.Marshal(message)
		f.Add(data)
	}
	for _, message := range responses() {
		data, _ := proto.Marshal(message)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = readRequest(data)
		_, _ = readResponse(data)
		request, response := &extprocv3.ProcessingRequest{}, &extprocv3.ProcessingResponse{}
		if proto.Unmarshal(data, request) == nil {
			again, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
			if got, failed := readRequest(again); err == nil && (failed != nil || !same(got, wantedOfRequest(request))) {
				t.Errorf("%v is read as %+v, %v", request, got, failed)
			}
		}
		if proto.Unmarshal(data, response) == nil {
			again, err := proto.MarshalOptions{Deterministic: true}.Marshal(response)
			if got, failed := readResponse(again); err == nil && (failed != nil || !same(got, wantedOfResponse(response))) {
				t.Errorf("%v is read as %+v, %v", response, got, failed)
			}
		}
	})
}
