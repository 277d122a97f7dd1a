"""Questions to the town hall's services, which no document here answers: how near a question is to one of them."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from index import Encoder
from index.question import Question

__all__ = ["service_similarity"]

# One question for each kind of service, in the words that people use; what is asked need not be word for word here.
_SERVICES = (
    "Comment refaire ma carte d'identité ou mon passeport ?",
    "Quels papiers pour une démarche d'état civil, un acte de naissance, un mariage, un décès ?",
    "Quels sont les jours de collecte des poubelles et des encombrants ?",
    "Où est la déchetterie et quels sont ses horaires ?",
    "Quand ouvre la déchèterie ?",
    "Quels sont les horaires d'ouverture de la mairie ?",
    "Quel est le numéro de téléphone d'un service municipal ?",
    "Comment inscrire mon enfant à l'école, à la crèche, à la garderie ou au centre de loisirs ?",
    "Quel est le tarif de la cantine et comment payer ?",
    "Quel est le menu de la cantine cette semaine ?",
    "Comment s'inscrire sur les listes électorales et où voter ?",
    "Comment louer une salle municipale et à quel prix ?",
    "Comment demander un permis de construire ou une déclaration de travaux ?",
    "Comment demander un logement social ?",
    "Comment obtenir une aide sociale du CCAS ?",
    "Comment signaler un lampadaire en panne, un trou dans la route ou un dépôt sauvage ?",
    "Quels sont les horaires de la médiathèque et de la piscine ?",
    "Quel jour a lieu le marché ?",
    "Quels sont les horaires du bus et du train ?",
    "Où se garer, quel est le prix du stationnement ?",
    "Quel médecin ou quelle pharmacie est de garde ?",
    "Comment acheter une concession au cimetière ?",
    "Quel est le montant de la taxe foncière et des impôts locaux ?",
    "Mon voisin fait du bruit, qui appeler ?",
    "Comment inscrire une association ou demander une subvention ?",
    "Où prendre des cours de sport, de langue ou de musique ?",
    "Comment trouver un emploi à la mairie ?",
    "Comment prendre rendez-vous avec le maire ou un élu ?",
    "Quels événements et sorties y a-t-il ce week-end ?",
)


def service_similarity(question: Question, encoder: Encoder) -> float:
    """The cosine of a question to the nearest question that only the town hall's services answer."""
    return float((_vectors(encoder) @ question.vector).max())  # type: ignore[arg-type]  # it is hashable


@cache
def _vectors(encoder: Encoder) -> NDArray[np.float32]:
    return encoder.encode_queries(list(_SERVICES))
