package server

import (
	"context"
	"net/http"

	pylon "github.com/bittensor-pylon/pylon"
)

func (x *exchange) answerPrices() error {
	number, newest, err := x.blockNumber()
	if err != nil {
		return err
	}
	read := x.server.config.Chain.LatestPrices
	if !newest {
		read = func(ctx context.Context) (*pylon.Prices, error) { return x.server.config.Chain.Prices(ctx, number) }
	}
	prices, err := read(x.ctx)
	if err != nil {
		return err
	}
	return x.writeRendered(bodyKey{question: askPrices, block: prices.Block.Hash}, prices.AppendJSON)
}

func (x *exchange) answerPrice() error {
	price, _, err := readSubnet(x, ChainReader.LatestPrice, ChainReader.Price)
	if err != nil {
		return err
	}
	x.writeJSON(http.StatusOK, price.AppendJSON(nil))
	return nil
}
