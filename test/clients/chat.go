package clients

import (
	"encoding/json"
	"net/http"
)

// completion is an answer of OpenAI's API, or a part of one.
type completion struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int      `json:"created"`
	Model   string   `json:"model"`
	Seen    string   `json:"system_fingerprint"` // sum of the prompt
	Choices []choice `json:"choices"`
}

type choice struct {
	Index   int      `json:"index"`
	Message *content `json:"message,omitempty"`
	Delta   *content `json:"delta,omitempty"`
	Finish  *string  `json:"finish_reason"`
}

type content struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// chat answers with the prompt, or with pieces. The model's name is the id of the exchange.
func (b *Backend) chat(out http.ResponseWriter, in *http.Request) {
	var asked struct {
		Model    string    `json:"model"`
		Stream   bool      `json:"stream"`
		Messages []content `json:"messages"`
	}
	if err := json.NewDecoder(in.Body).Decode(&asked); err != nil || len(asked.Messages) != 1 {
		http.Error(out, "no chat", http.StatusBadRequest)
		return
	}
	prompt := asked.Messages[0].Content
	answer := completion{ID: "1", Object: "chat.completion", Created: 1, Model: asked.Model, Seen: sum([]byte(prompt))}
	if asked.Stream {
		answer.Object = "chat.completion.chunk"
		b.stream(out, in, asked.Model, func(piece string) any {
			answer.Choices = []choice{{Delta: &content{Role: "assistant", Content: piece}}}
			return answer
		})
		return
	}
	end := "stop"
	answer.Choices = []choice{{Message: &content{Role: "assistant", Content: prompt}, Finish: &end}}
	out.Header().Set("content-type", "application/json")
	_ = json.NewEncoder(out).Encode(answer)
}
