package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"
)

const question = `{"model": "llama-3.1-8b", "stream": true, "max_tokens": 60,
  "messages": [{"role": "user", "content": "Why does a gateway ask somebody else where a request should go?"}]}`

// patience bounds the first request: the example became ready a moment ago.
const patience = 30 * time.Second

// converse asks the model at the address of the Gateway and prints its answer token by token,
// then the Pod that was picked. It runs inside the network of the cluster.
func converse(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	answer, begun, err := ask(ctx, address)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	tokens, first, err := printTokens(answer.Body, begun)
	if err != nil {
		return err
	}
	pod := answer.Header.Get("x-inference-pod")
	served := answer.Header.Get("x-conformance-test-served-endpoint")
	ip, err := exec.CommandContext(ctx, "kubectl", "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.status.podIP}").Output()
	if err != nil {
		return fmt.Errorf("the answer names pod %q: %w", pod, err)
	}
	fmt.Printf("\n\n   %d tokens, the first after %d ms, the last after %d ms\n",
		tokens, first.Milliseconds(), time.Since(begun).Milliseconds())
	fmt.Printf("   picked pod       %s (%s)\n", pod, ip)
	fmt.Printf("   served endpoint  %s, as Envoy reported it to the picker\n", served)
	if host, _, err := net.SplitHostPort(served); err != nil || host != string(ip) {
		return fmt.Errorf("pod %s has address %s, but the served endpoint is %q", pod, ip, served)
	}
	return nil
}

// ask posts the question, again while the data plane is still taking up the route, and returns
// the answer and when it was asked for.
func ask(ctx context.Context, address string) (*http.Response, time.Time, error) {
	deadline := time.Now().Add(patience)
	for {
		request, err := chat(ctx, address, question)
		if err != nil {
			return nil, time.Time{}, err
		}
		begun := time.Now()
		response, err := http.DefaultClient.Do(request)
		if err == nil && response.StatusCode == http.StatusOK {
			return response, begun, nil
		}
		if err == nil {
			body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10))
			response.Body.Close()
			err = fmt.Errorf("%s: %s", response.Status, body)
		}
		if time.Now().After(deadline) {
			return nil, begun, err
		}
		fmt.Printf("   not yet: %v\n", err)
		time.Sleep(time.Second)
	}
}

// chat is a request for a chat completion.
func chat(ctx context.Context, address, body string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("content-type", "application/json")
	return request, nil
}

// printTokens prints each token when it arrives.
func printTokens(body io.Reader, begun time.Time) (tokens int, first time.Duration, err error) {
	fmt.Print("\n   ")
	column := 0
	err = readTokens(body, func(token string) {
		if tokens++; tokens == 1 {
			first = time.Since(begun)
		}
		if column += len(token); column > 90 {
			fmt.Print("\n   ")
			column = 0
		}
		fmt.Print(token)
	})
	return tokens, first, err
}
