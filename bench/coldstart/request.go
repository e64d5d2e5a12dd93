package main

import (
	"context"
	"io"
	"net/http"
	"time"
)

// coldHeader is set on answers that waited.
const coldHeader = "X-KEDA-HTTP-Cold-Start"

// answer is how a request went.
type answer struct {
	begun, ended time.Time
	status       int // 0: none
	cold         bool
	err          error
}

// connections are not kept: each sample begins alike.
var single = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// get sends a request and reads its answer to the end.
func get(ctx context.Context, address, host string) (a answer) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return answer{err: err}
	}
	request.Host = host
	a.begun = time.Now()
	response, err := single.Do(request)
	if err != nil {
		a.err = err
		return a
	}
	defer response.Body.Close()
	_, a.err = io.Copy(io.Discard, response.Body)
	a.ended, a.status, a.cold = time.Now(), response.StatusCode, response.Header.Get(coldHeader) == "true"
	return a
}
