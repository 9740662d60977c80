// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// chatRequest is a request for a chat completion. All its fields are passed on; only what routing needs is looked at.
type chatRequest struct {
	fields map[string]json.RawMessage
	model  string
	text   string // of the last message of the user
}

func parseChat(body []byte) (*chatRequest, error) {
	r := &chatRequest{}
	if err := json.Unmarshal(body, &r.fields); err != nil {
		return nil, fmt.Errorf("the request is no JSON object: %w", err)
	}
	if err := json.Unmarshal(r.fields["model"], &r.model); err != nil || r.model == "" {
		return nil, errors.New("\"model\" must be a text, as in \"auto\"")
	}
	var messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(r.fields["messages"], &messages); err != nil || len(messages) == 0 {
		return nil, errors.New("\"messages\" must be a list with at least one message")
	}
	for i := len(messages) - 1; i >= 0 && r.text == ""; i-- {
		if messages[i].Role == "user" {
			r.text = textOf(messages[i].Content)
		}
	}
	if r.text == "" && r.model == "auto" {
		return nil, errors.New("\"messages\" has no text of the user to choose a model by")
	}
	return r, nil
}

// textOf reads a content: a text, or a list of parts of which some are texts.
func textOf(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(content, &parts) != nil {
		return ""
	}
	var texts []string
	for _, part := range parts {
		if part.Type == "text" && part.Text != "" {
			texts = append(texts, part.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// as returns the request for another model.
func (r *chatRequest) as(model string) ([]byte, error) {
	name, err := json.Marshal(model)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]json.RawMessage, len(r.fields))
	for key, value := range r.fields {
		fields[key] = value
	}
	fields["model"] = name
	return json.Marshal(fields)
}
