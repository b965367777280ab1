"""Money: wallets, holds, usage records, transfers, settlement."""
