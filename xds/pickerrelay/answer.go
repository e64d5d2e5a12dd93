package pickerrelay

import (
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
)

// Why a picker is given up: the details of the answer, which the access log has.
const (
	detailTimeout = "picker_timeout"
	detailFailed  = "picker_failed"
	detailHangs   = "picker_hangs" // others before did not get an answer in time
)

// unavailable answers the client 503.
func unavailable(details string) *extprocv3.ProcessingResponse {
	return &extprocv3.ProcessingResponse{Response: &extprocv3.ProcessingResponse_ImmediateResponse{
		ImmediateResponse: &extprocv3.ImmediateResponse{
			Status: &typev3.HttpStatus{Code: typev3.StatusCode_ServiceUnavailable}, Details: details,
			Body: []byte("the endpoint picker did not answer\n"),
		},
	}}
}

// unchanged answers a message of Envoy as a picker does that changes nothing and picks nothing.
func unchanged(request *extprocv3.ProcessingRequest) *extprocv3.ProcessingResponse {
	answer := &extprocv3.ProcessingResponse{}
	switch message := request.GetRequest().(type) {
	case *extprocv3.ProcessingRequest_RequestHeaders:
		answer.Response = &extprocv3.ProcessingResponse_RequestHeaders{RequestHeaders: &extprocv3.HeadersResponse{}}
	case *extprocv3.ProcessingRequest_RequestBody:
		answer.Response = &extprocv3.ProcessingResponse_RequestBody{RequestBody: streamed(message.RequestBody)}
	case *extprocv3.ProcessingRequest_RequestTrailers:
		answer.Response = &extprocv3.ProcessingResponse_RequestTrailers{RequestTrailers: &extprocv3.TrailersResponse{}}
	case *extprocv3.ProcessingRequest_ResponseHeaders:
		answer.Response = &extprocv3.ProcessingResponse_ResponseHeaders{ResponseHeaders: &extprocv3.HeadersResponse{}}
	case *extprocv3.ProcessingRequest_ResponseBody:
		answer.Response = &extprocv3.ProcessingResponse_ResponseBody{ResponseBody: streamed(message.ResponseBody)}
	case *extprocv3.ProcessingRequest_ResponseTrailers:
		answer.Response = &extprocv3.ProcessingResponse_ResponseTrailers{ResponseTrailers: &extprocv3.TrailersResponse{}}
	}
	return answer
}

func streamed(body *extprocv3.HttpBody) *extprocv3.BodyResponse {
	return &extprocv3.BodyResponse{Response: &extprocv3.CommonResponse{BodyMutation: &extprocv3.BodyMutation{
		Mutation: &extprocv3.BodyMutation_StreamedResponse{StreamedResponse: &extprocv3.StreamedBodyResponse{
			Body: body.GetBody(), EndOfStream: body.GetEndOfStream(),
		}},
	}}}
}

// echo is the answer to a frame that changes nothing, without the first bytes of its body.
func echo(f frame, without int) (frame, error) {
	request := &extprocv3.ProcessingRequest{}
	if err := proto.Unmarshal(f, request); err != nil {
		return nil, err
	}
	if body := request.GetRequestBody(); body != nil {
		body.Body = body.Body[without:]
	}
	return proto.Marshal(unchanged(request))
}
