"""An endpoint of FastAPI, as it is before it is moved: uvicorn app:app"""

from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()


class Order(BaseModel):
    amount: float = Field(gt=0, le=10_000)
    country: str = Field(min_length=2, max_length=2)
    items: list[str] = []
    express: bool = False


class Score(BaseModel):
    score: float
    review: bool


@app.post("/shops/{shop}/score")
def score(shop: str, order: Order) -> Score:
    risk = min(1.0, order.amount / 1000 + (0.25 if order.express else 0.0))
    return Score(score=risk, review=risk > 0.8 or (shop == "new" and not order.items))
